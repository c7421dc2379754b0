"""Writes down merges and splits: the log, the customers' histories, and who comes back out of whom."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, rows, texts
from wxtag.grouping import Component
from wxtag.models import Customer, History, Identity, Merge


def record_merge(
    session: Session,
    component: Component,
    survivor: int,
    other: int,
    moved: list[int],
    stayed: list[int],
    actor: str,
) -> None:
    crossing = [
        link
        for link in component.links.values()
        if (link.low_id in moved and link.high_id in stayed)
        or (link.high_id in moved and link.low_id in stayed)
    ]
    reason = crossing[0].source if crossing else actor
    now, company_id = clock.now(), component.identities[moved[0]].company_id
    session.add(
        Merge(
            company_id=company_id,
            verb="merge",
            survivor_id=survivor,
            other_id=other,
            moved=moved,
            stayed=stayed,
            link_id=crossing[0].id if crossing else None,
            reason=reason,
            actor=actor,
            at=now,
        )
    )
    gone = session.get(Customer, other)
    assert gone is not None
    gone.merged_into = survivor
    for customer_id, text in (
        (survivor, texts.MERGED_IN.format(other)),
        (other, texts.MERGED_INTO.format(survivor)),
    ):
        session.add(
            History(
                company_id=company_id,
                customer_id=customer_id,
                verb="merged",
                actor=actor,
                text=text,
                details={"survivor": survivor, "other": other, "reason": reason},
                at=now,
            )
        )


def come_back(session: Session, company_id: int, left: int, group: set[int], actor: str) -> int:
    """The customer for identities that leave `left`: the one that they came with, or a new one."""
    now = clock.now()
    came_with = None
    for row in session.scalars(
        select(Merge)
        .where(Merge.survivor_id == left, Merge.verb == "merge", Merge.undone_at.is_(None))
        .order_by(Merge.id.desc())
    ):
        if set(row.moved) & group:
            former = session.get(Customer, row.other_id)
            if former is not None and former.merged_into == left:
                former.merged_into, row.undone_at, came_with = None, now, former.id
                break
    if came_with is None:
        customer = Customer(company_id=company_id, name="", created_at=now)
        session.add(customer)
        session.flush()
        came_with = customer.id
    session.add(
        Merge(
            company_id=company_id,
            verb="split",
            survivor_id=left,
            other_id=came_with,
            moved=sorted(group),
            stayed=[],
            reason="the evidence no longer joins them",
            actor=actor,
            at=now,
        )
    )
    for customer_id in (left, came_with):
        session.add(
            History(
                company_id=company_id,
                customer_id=customer_id,
                verb="split",
                actor=actor,
                text=texts.SPLIT_OUT.format(came_with, left),
                details={"survivor": left, "other": came_with},
                at=now,
            )
        )
    return came_with


def name_customers(session: Session, customer_ids: set[int]) -> None:
    """A customer is called by the newest name that one of its ids has."""
    newest: dict[int, Identity] = {}
    for one in rows.having(session, Identity, Identity.customer_id, customer_ids, Identity.name != ""):
        best = newest.get(one.customer_id)
        if best is None or (-one.named_at, one.id) < (-best.named_at, best.id):
            newest[one.customer_id] = one
    for customer in rows.having(session, Customer, Customer.id, newest, Customer.merged_into.is_(None)):
        customer.name = newest[customer.id].name
