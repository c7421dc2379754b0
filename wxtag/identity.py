"""Whose is it? Customers are the components of the accepted evidence, whatever the order it came in.

An id that met two unionids of one Open Platform account, or a phone that would join two people who have
different ones, joins nothing: it stands alone and goes to review. What a person decided stands.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from wxtag import clock, conflicts, rows
from wxtag.disputes import ACCOUNTS
from wxtag.errors import NotFound
from wxtag.grouping import Component, groups_of, proposed
from wxtag.merges import assign
from wxtag.models import Customer, Identity, Link, Verdict

ACCEPTED, PROPOSED = "accepted", "proposed"
CROWD = 50
"""A phone or browser that so many ids share and that stands alone is nobody's: its sharers are not read."""


class Evidence(NamedTuple):
    """That two identities (by their rows' ids) are one person, and which message said so."""

    one_id: int
    other_id: int
    source: str
    message_id: int | None = None
    verified: bool = True
    """False: it only proposes."""


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
    groups, disputes = groups_of(component)
    conflicts.record(session, component, [*disputes, *proposed(component, groups)])
    _verify(component)
    return assign(session, component, groups, actor, set(fresh))


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


def connect_all(session: Session, company_id: int, said: Iterable[Evidence]) -> set[int]:
    """Keeps evidence; returns the identities about which something new was learnt.

    What is known already stays as it is, but that verified evidence takes the place of what only proposed.
    """
    pairs: dict[tuple[int, int], Evidence] = {}
    for one in said:
        pair = (min(one.one_id, one.other_id), max(one.one_id, one.other_id))
        if pair[0] != pair[1] and (pair not in pairs or one.verified > pairs[pair].verified):
            pairs[pair] = one
    lows = {low for low, _ in pairs}
    now, raised = clock.now(), set[int]()
    for link in rows.having(session, Link, Link.low_id, lows, Link.company_id == company_id):
        known = pairs.pop((link.low_id, link.high_id), None)
        if known is not None and known.verified and link.state == PROPOSED:
            link.state, link.source, link.message_id, link.at = ACCEPTED, known.source, known.message_id, now
            raised |= {link.low_id, link.high_id}
    new = [
        {
            "company_id": company_id,
            "low_id": low,
            "high_id": high,
            "source": one.source,
            "state": ACCEPTED if one.verified else PROPOSED,
            "message_id": one.message_id,
            "at": now,
        }
        for (low, high), one in pairs.items()
    ]
    session.flush()
    rows.add_all(session, Link, new)
    return raised | {end for pair in pairs for end in pair}


def _connected(session: Session, start: set[int]) -> Component:
    """Everything that accepted evidence and people's word connect with these identities.

    Also those whom proposals would join with one of them, as guests: to tell whether it still proposes.
    """
    component = Component()
    _follow(session, component, start)
    component.proposals = _at_ends(session, component.identities, Link.state == PROPOSED)
    ends = {end for link in component.proposals.values() for end in (link.low_id, link.high_id)}
    known = set(component.identities)
    _follow(session, component, ends - known)
    component.guests = set(component.identities) - known
    return component


def _follow(session: Session, component: Component, wanted: set[int]) -> None:
    while wanted:
        for identity in rows.by_id(session, Identity, wanted):
            component.identities[identity.id] = identity
        links = _at_ends(session, wanted, Link.state == ACCEPTED)
        for crowded in _crowded(session, component, links):
            component.crowded.add(crowded)
            links = {k: v for k, v in links.items() if crowded not in (v.low_id, v.high_id)}
        component.links |= links
        verdicts = {
            row.id: row
            for end in (Verdict.low_id, Verdict.high_id)
            for row in rows.having(session, Verdict, end, wanted)
        }
        component.verdicts |= verdicts
        ties: list[Link | Verdict] = [*links.values(), *(v for v in verdicts.values() if v.verb == "same")]
        reached = {end for tie in ties for end in (tie.low_id, tie.high_id)}
        wanted = reached - set(component.identities)


def _at_ends(session: Session, ids: Iterable[int], wanted: ColumnElement[bool]) -> dict[int, Link]:
    """The evidence that has one of these at either end. Two looks: an OR would use no index."""
    ids = list(ids)
    found = {
        link.id: link
        for end in (Link.low_id, Link.high_id)
        for link in rows.having(session, Link, end, ids, wanted)
    }
    return {link_id: found[link_id] for link_id in sorted(found)}


def _crowded(session: Session, component: Component, links: dict[int, Link]) -> set[int]:
    """Phones and the like that a crowd shares and that stand alone already."""
    known: dict[int, int] = defaultdict(int)
    for link in links.values():
        known[link.low_id] += 1
        known[link.high_id] += 1
    many = {one for one, number in known.items() if number > CROWD and one in component.identities}
    many = {one for one in many if component.identities[one].kind not in ACCOUNTS} | (
        component.crowded & set(known)
    )
    customers = {component.identities[one].customer_id for one in many}
    company = (
        list(
            session.execute(
                select(Identity.customer_id, Identity.id).where(Identity.customer_id.in_(customers))
            )
        )
        if customers
        else []
    )
    shared = {customer for customer, one in company if one not in many}
    return {one for one in many if component.identities[one].customer_id not in shared}


def _verify(component: Component) -> None:
    """A phone counts as verified when anything verified speaks of it."""
    told = {end for link in component.links.values() for end in (link.low_id, link.high_id)}
    for one, row in component.identities.items():
        if row.kind == "phone" and one not in component.crowded:
            row.verified = one in told
