"""What a person sees of a conflict: the id in question, whose it could be, and the evidence for each."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from wxtag import rows
from wxtag.apikeys import Caller
from wxtag.customer_cards import shown_value
from wxtag.models import Conflict, Customer, Identity, InboxMessage, Link, Verdict


def cards(session: Session, caller: Caller, conflicts: Sequence[Conflict]) -> list[dict[str, Any]]:
    """These conflicts in this order; times in milliseconds. Ids that were erased since are left out."""
    return [_card(session, caller, one) for one in conflicts]


def _card(session: Session, caller: Caller, row: Conflict) -> dict[str, Any]:
    named = [row.identity_id, *row.evidence.get("sides", [])]
    ours = Identity.company_id == caller.company_id
    found = {one.id: one for one in rows.having(session, Identity, Identity.id, named, ours)}
    people: dict[int, list[Identity]] = {}
    customers = {one.customer_id for one in found.values()}
    for one in rows.having(session, Identity, Identity.customer_id, customers, ours):
        people.setdefault(one.customer_id, []).append(one)
        found[one.id] = one
    names = {one.id: one.name for one in rows.having(session, Customer, Customer.id, customers)}
    ties = _Ties(session, caller, row.identity_id, found)
    sides = [
        {
            **ties.shown(found[side]),
            "customer": found[side].customer_id,
            "name": names[found[side].customer_id],
            "identities": [ties.shown(one) for one in sorted(people[found[side].customer_id], key=_number)],
            "evidence": ties.between(found[side], {one.id for one in people[found[side].customer_id]}),
        }
        for side in dict.fromkeys(row.evidence.get("sides", []))
        if side in found
    ]
    who = found[row.identity_id]
    return {
        "id": row.id,
        "kind": row.kind,
        "identity": {**ties.shown(who), "customer": who.customer_id},
        "sides": sides,
        "state": row.state,
        "decision": row.decision,
        "actor": row.actor,
        "time": row.at,
        "decided": row.decided_at,
        "code": row.evidence.get("code"),
    }


def _number(one: Identity) -> int:
    return one.id


class _Ties:
    """All evidence and all decisions that name the id in question or one of the sides."""

    def __init__(self, session: Session, caller: Caller, who: int, found: dict[int, Identity]) -> None:
        self.caller, self.who, self.found = caller, who, found
        ties: dict[tuple[str, int], Link | Verdict] = {}
        for link_end in (Link.low_id, Link.high_id):
            ties |= {("link", one.id): one for one in rows.having(session, Link, link_end, found)}
        for said_end in (Verdict.low_id, Verdict.high_id):
            ties |= {("verdict", one.id): one for one in rows.having(session, Verdict, said_end, found)}
        self.ties = [ties[key] for key in sorted(ties)]
        messages = {one.message_id for one in self.ties if isinstance(one, Link) and one.message_id}
        self.events = {
            one.id: one.event for one in rows.having(session, InboxMessage, InboxMessage.id, messages)
        }

    def shown(self, one: Identity) -> dict[str, Any]:
        return {"kind": one.kind, "scope": one.scope, "value": shown_value(one, self.caller)}

    def between(self, side: Identity, group: set[int]) -> list[dict[str, Any]]:
        """What ties the id in question to this side; where nothing does directly, what names the side."""
        direct = [
            tie
            for tie in self.ties
            if {tie.low_id, tie.high_id} <= group | {self.who} and self.who in (tie.low_id, tie.high_id)
        ]
        if self.who in group:
            direct = [tie for tie in self.ties if {tie.low_id, tie.high_id} <= group]
        return [
            self._said(tie) for tie in direct or self.ties if direct or side.id in (tie.low_id, tie.high_id)
        ]

    def _said(self, tie: Link | Verdict) -> dict[str, Any]:
        ends = [self.found.get(tie.low_id), self.found.get(tie.high_id)]
        by_hand = isinstance(tie, Verdict)
        message = tie.message_id if isinstance(tie, Link) else None
        return {
            "between": [self.shown(one) for one in ends if one is not None],
            "says": tie.verb if isinstance(tie, Verdict) else "same",
            "source": "person" if isinstance(tie, Verdict) else tie.source,
            "verified": by_hand or (isinstance(tie, Link) and tie.state == "accepted"),
            "actor": tie.actor,
            "message": message,
            "event": self.events.get(message) if message else None,
            "time": tie.at,
        }
