"""Whose is it? Customers are the components of the accepted evidence, whatever the order it came in.

An id that met two unionids of one Open Platform account, or a phone that would join two people who have
different ones, joins nothing: it stands alone and goes to review. What a person decided stands.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.errors import InputError, NotFound
from wxtag.grouping import BY_PERSON, Component, groups_of
from wxtag.merges import come_back, name_customers, record_merge
from wxtag.models import Conflict, Customer, Identity, Link, Merge


def regroup(
    session: Session,
    identity_ids: Iterable[int],
    actor: str = "evidence",
    fresh: Iterable[int] = (),
) -> set[int]:
    """Sets the customers of everyone whom these identities are connected with; says which were touched.

    `fresh`: customers that were made for ids first met in the same message. Nobody has seen them: one that
    joins another leaves no trace.
    """
    component = _connected(session, set(identity_ids))
    if not component.identities:
        return set()
    groups, conflicts = groups_of(component)
    _record_conflicts(session, component, conflicts)
    return _assign(session, component, groups, actor, set(fresh))


def current(session: Session, company_id: int, customer_id: int) -> int:
    """The customer that this id stands for now. Raises NotFound."""
    seen: set[int] = set()
    while customer_id not in seen:
        seen.add(customer_id)
        customer = session.get(Customer, customer_id)
        if customer is None or customer.company_id != company_id:
            raise NotFound(f"there is no customer {customer_id}")
        if customer.merged_into is None:
            return customer.id
        customer_id = customer.merged_into
    raise AssertionError(f"customers merged in a circle: {seen}")


def merge(session: Session, company_id: int, one_id: int, other_id: int, actor: str) -> int:
    """A person says that two customers are one. Returns the customer that both are now."""
    one, other = current(session, company_id, one_id), current(session, company_id, other_id)
    if one == other:
        raise InputError(f"{one_id} and {other_id} are one customer already")
    first = [
        session.scalars(
            select(Identity.id).where(Identity.customer_id == customer_id).order_by(Identity.id).limit(1)
        ).first()
        for customer_id in (one, other)
    ]
    if first[0] is None or first[1] is None:
        raise InputError("a customer without any id cannot be merged")
    decided(session, company_id, first[0], first[1], actor)
    regroup(session, [i for i in first if i is not None], actor)
    return current(session, company_id, one)


def split(session: Session, company_id: int, merge_id: int, actor: str) -> int:
    """Undoes a merge: the evidence between the two sides is remembered as *different*.

    Returns the customer that came back. Raises InputError when later evidence still connects the sides.
    """
    row = session.get(Merge, merge_id)
    if row is None or row.company_id != company_id or row.verb != "merge":
        raise NotFound(f"there is no merge {merge_id}")
    if row.undone_at is not None:
        raise InputError(f"merge {merge_id} was undone already")
    moved, stayed = set(row.moved), set(row.stayed)
    for link in _links_of(session, moved):
        if {link.low_id, link.high_id} & moved and {link.low_id, link.high_id} & stayed:
            link.state, link.actor, link.at = "different", actor, clock.now()
    session.flush()
    still = set(_connected(session, moved).identities) & stayed
    if still:
        raise InputError(
            f"merge {merge_id} cannot be undone alone: later evidence connects both sides through the "
            f"identities {sorted(still)}; undo the later merges first"
        )
    regroup(session, moved | stayed, actor)
    session.flush()
    back = session.scalar(select(Identity.customer_id).where(Identity.id == min(moved)))
    assert back is not None
    return back


def decide(session: Session, company_id: int, conflict_id: int, decision: str, actor: str) -> set[int]:
    """A person says whether the sides of a conflict are the same person; returns the customers touched."""
    conflict = session.get(Conflict, conflict_id)
    if conflict is None or conflict.company_id != company_id:
        raise NotFound(f"there is no conflict {conflict_id}")
    if decision not in ("same", "different"):
        raise InputError(f"decision is {decision!r}: expected same or different")
    sides: list[int] = list(conflict.evidence["sides"])
    if decision == "same":
        for other in sides[1:]:
            decided(session, company_id, sides[0], other, actor)
    else:
        for link in _links_of(session, {conflict.identity_id}):
            link.state, link.actor = "different", actor
    conflict.state, conflict.decision, conflict.actor = "decided", decision, actor
    conflict.decided_at = clock.now()
    session.flush()
    return regroup(session, [conflict.identity_id, *sides], actor)


class Evidence(NamedTuple):
    """That two identities (by their rows' ids) are one person, and which message said so."""

    one_id: int
    other_id: int
    source: str
    message_id: int | None = None


def connect_all(session: Session, company_id: int, said: Iterable[Evidence]) -> set[int]:
    """Keeps evidence; returns the identities about which something new was learnt.

    What is known already, and what a person called different, stays as it is.
    """
    pairs: dict[tuple[int, int], Evidence] = {}
    for one in said:
        if one.one_id != one.other_id:
            pairs.setdefault((min(one.one_id, one.other_id), max(one.one_id, one.other_id)), one)
    lows = {low for low, _ in pairs}
    for link in rows.having(session, Link, Link.low_id, lows, Link.company_id == company_id):
        pairs.pop((link.low_id, link.high_id), None)
    now = clock.now()
    new = [
        {
            "company_id": company_id,
            "low_id": low,
            "high_id": high,
            "source": one.source,
            "state": "accepted",
            "message_id": one.message_id,
            "at": now,
        }
        for (low, high), one in pairs.items()
    ]
    rows.add_all(session, Link, new)
    return {end for pair in pairs for end in pair}


def decided(session: Session, company_id: int, one_id: int, other_id: int, actor: str) -> None:
    """A person said that two identities are one: it stands, whatever was said before."""
    low, high = sorted((one_id, other_id))
    link = session.scalar(
        select(Link).where(Link.company_id == company_id, Link.low_id == low, Link.high_id == high)
    )
    if link is None:
        link = Link(company_id=company_id, low_id=low, high_id=high)
        session.add(link)
    link.state, link.source, link.actor, link.at = "accepted", BY_PERSON, actor, clock.now()
    session.flush()


def _links_of(session: Session, identity_ids: Iterable[int]) -> list[Link]:
    """The accepted evidence that has one of these at either end. Two looks: an OR would use no index."""
    found = {
        link.id: link
        for end in (Link.low_id, Link.high_id)
        for link in rows.having(session, Link, end, identity_ids, Link.state == "accepted")
    }
    return [found[link_id] for link_id in sorted(found)]


def _connected(session: Session, start: set[int]) -> Component:
    """Everything that accepted evidence connects with these identities, and all who share their customers.

    The customers' other identities belong to it because a component may just have fallen apart.
    """
    component = Component()
    wanted = set(start)
    while wanted:
        for identity in rows.having(session, Identity, Identity.id, wanted):
            component.identities[identity.id] = identity
        for link in _links_of(session, wanted):
            component.links[link.id] = link
        reached = {end for link in component.links.values() for end in (link.low_id, link.high_id)}
        wanted = reached - set(component.identities)
    return component


def _record_conflicts(session: Session, component: Component, conflicts: dict[int, list[int]]) -> None:
    if not conflicts:
        return
    known = {row.identity_id: row for row in rows.having(session, Conflict, Conflict.identity_id, conflicts)}
    for identity_id, sides in conflicts.items():
        evidence = {
            "sides": sides,
            "links": [k for k, v in component.links.items() if identity_id in (v.low_id, v.high_id)],
        }
        row = known.get(identity_id)
        if row is None:
            identity = component.identities[identity_id]
            kind = "phone" if identity.kind == "phone" else "two_unionids"
            session.add(
                Conflict(
                    company_id=identity.company_id,
                    kind=kind,
                    identity_id=identity_id,
                    evidence=evidence,
                    state="open",
                    at=clock.now(),
                )
            )
        elif row.evidence != evidence:
            row.evidence, row.state, row.decision = evidence, "open", None


def _assign(
    session: Session, component: Component, groups: list[set[int]], actor: str, fresh: set[int]
) -> set[int]:
    """Gives each group its customer: the oldest of theirs; who leaves gets the former one back."""
    before = {i: identity.customer_id for i, identity in component.identities.items()}
    touched: set[int] = set()
    taken: set[int] = set()
    unseen: set[int] = set()
    for group in sorted(groups, key=min):
        customers = sorted({before[i] for i in group} - taken)
        company_id = component.identities[min(group)].company_id
        if customers:
            survivor = customers[0]
        else:
            survivor = come_back(session, company_id, before[min(group)], group, actor)
            touched |= {survivor, before[min(group)]}
        taken.add(survivor)
        for other in customers[1:]:
            touched.add(survivor)
            taken.add(other)
            if other in fresh:
                unseen.add(other)
                continue
            moved = sorted(i for i in group if before[i] == other)
            stayed = sorted(i for i in group if before[i] != other)
            record_merge(session, component, survivor, other, moved, stayed, actor)
            touched.add(other)
        for i in group:
            component.identities[i].customer_id = survivor
    session.flush()
    unseen -= {identity.customer_id for identity in component.identities.values()}
    for some in rows.chunks(unseen):
        session.execute(delete(Customer).where(Customer.id.in_(some)))
    name_customers(session, touched)
    return touched
