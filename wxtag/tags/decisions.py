"""What people decided about tags: marks and vetoes, found for the customer whose they are today."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wxtag.models import Customer, CustomerTag, FollowUser, Identity, Mark


@dataclass
class Decisions:
    """The live marks and vetoes of one customer, oldest first."""

    customer: dict[int, list[Mark]] = field(default_factory=lambda: defaultdict(list))
    """Of the whole customer: tag -> decisions."""
    relation: dict[tuple[int, int], list[Mark]] = field(default_factory=lambda: defaultdict(list))
    """Of one relation only: (follow_user, tag) -> decisions."""

    def all(self) -> Iterable[Mark]:
        for several in (*self.customer.values(), *self.relation.values()):
            yield from several


def decisions(session: Session, company_id: int, customer_ids: Collection[int]) -> dict[int, Decisions]:
    """Marks and vetoes of these customers, those included that belong to ids merged into them.

    A decision about a relation, or one that came by an identity, goes where that identity is now, so that
    a merge brings it along and a split gives it back.
    """
    owners = former_ids(session, company_id, customer_ids)
    identities: dict[int, int] = dict(
        session.execute(
            select(Identity.id, Identity.customer_id).where(Identity.customer_id.in_(owners))
        ).all()
    )
    relations: dict[int, int] = dict(
        session.execute(
            select(FollowUser.id, FollowUser.identity_id).where(FollowUser.identity_id.in_(identities))
        ).all()
    )
    marks = session.scalars(
        select(Mark)
        .where(
            Mark.company_id == company_id,
            Mark.ended_at.is_(None),
            or_(
                Mark.follow_user_id.in_(relations),
                Mark.identity_id.in_(identities),
                Mark.customer_id.in_(owners),
            ),
        )
        .order_by(Mark.at, Mark.id)
    )
    found: dict[int, Decisions] = {customer_id: Decisions() for customer_id in customer_ids}
    for mark in marks:
        if mark.follow_user_id is not None:
            owner = owners.get(identities.get(relations.get(mark.follow_user_id, 0), 0))
        elif mark.identity_id is not None:
            owner = owners.get(identities.get(mark.identity_id, 0))
        else:
            owner = owners.get(mark.customer_id)
        if owner is None or owner not in found:
            continue
        if mark.follow_user_id is not None:
            found[owner].relation[mark.follow_user_id, mark.tag_id].append(mark)
        else:
            found[owner].customer[mark.tag_id].append(mark)
    return found


def former_ids(session: Session, company_id: int, customer_ids: Iterable[int]) -> dict[int, int]:
    """Every id that stands for one of these customers today (its own too) -> that customer."""
    owners = {customer_id: customer_id for customer_id in customer_ids}
    newest = set(owners)
    while newest:
        rows = session.execute(
            select(Customer.id, Customer.merged_into).where(
                Customer.company_id == company_id, Customer.merged_into.in_(newest)
            )
        ).all()
        newest = set()
        for former, into in rows:
            if former not in owners and into is not None:
                owners[former] = owners[into]
                newest.add(former)
    return owners


def end_vetoes(session: Session, company_id: int, customer_ids: Collection[int], now: int) -> int:
    """Ends the vetoes of these customers that hold nothing back any more; returns how many.

    A veto stands until the rule's answer changes: once neither a rule nor a mark of the whole customer gives
    the tag, the next time that one does counts again.
    """
    vetoed = session.scalar(
        select(Mark.id)
        .where(Mark.company_id == company_id, Mark.verb == "veto", Mark.ended_at.is_(None))
        .limit(1)
    )
    if vetoed is None or not customer_ids:
        return 0
    rows = session.execute(
        select(CustomerTag.customer_id, CustomerTag.tag_id).where(
            CustomerTag.company_id == company_id, CustomerTag.customer_id.in_(customer_ids)
        )
    )
    by_rules = {(row.customer_id, row.tag_id) for row in rows}
    ended = 0
    for customer_id, made in decisions(session, company_id, customer_ids).items():
        by_marks = {tag for tag, several in made.customer.items() if any(m.verb == "mark" for m in several)}
        for mark in made.all():
            held_back = (customer_id, mark.tag_id) in by_rules or mark.tag_id in by_marks
            if mark.verb == "veto" and not held_back:
                mark.ended_at = now
                ended += 1
    return ended
