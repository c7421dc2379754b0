"""Keeps the list of what a person must decide equal to what the evidence disputes and proposes."""

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.disputes import ACCOUNTS, Dispute
from wxtag.grouping import Component
from wxtag.models import Conflict, Identity

FOUND = ("two_unionids", "two_accounts", "told_apart", "phone", "member", "visitor", "proposed")
"""Kinds that follow from evidence, and go when the evidence says so."""
REFUSED = "refused_openid"
"""The platform does not know an openid as one of the account that named it."""
KINDS = (*FOUND, REFUSED)


def record(session: Session, component: Component, disputes: Iterable[Dispute]) -> None:
    """Opens what is new, opens again what changed, and ends what is no longer in dispute.

    What a person said of the same people already is not asked again for a phone or a browser; that a platform
    names one id for people whom a person told apart is asked once.
    """
    wanted = {(one.kind, one.who): one for one in disputes}
    known = {
        (row.kind, row.identity_id): row
        for row in rows.having(
            session, Conflict, Conflict.identity_id, component.identities, Conflict.kind.in_(FOUND)
        )
    }
    now = clock.now()
    for key, one in wanted.items():
        row, evidence = known.get(key), {"sides": one.sides}
        if row is None:
            if not one.answered or component.identities[one.who].kind in ACCOUNTS:
                session.add(_row(component, one, now))
            continue
        row.evidence = evidence
        if not one.answered and row.state != "open":
            row.state, row.decision, row.actor, row.decided_at, row.at = "open", None, None, None, now
        elif one.answered and row.state == "settled":
            row.state, row.decision = "decided", "different"
        elif one.answered and row.state == "decided" and row.decision == "same":
            row.decision = "different"
        elif one.answered and row.state == "open" and component.identities[one.who].kind not in ACCOUNTS:
            row.state, row.decision, row.decided_at = "decided", "different", now
    for key, row in known.items():
        unknown = component.guests if row.kind == "proposed" else component.crowded
        if key not in wanted and row.state == "open" and row.identity_id not in unknown:
            row.state, row.decided_at = "settled", now


def refuse(session: Session, refused: Mapping[int, tuple[int, int | None]]) -> None:
    """Asks a person about ids that the platform does not know: of each its code, and the message with it."""
    if not refused:
        return
    asked = rows.having(session, Conflict, Conflict.identity_id, refused, Conflict.kind == REFUSED)
    known = {row.identity_id for row in asked}
    for one in rows.having(session, Identity, Identity.id, set(refused) - known):
        code, message_id = refused[one.id]
        evidence = {"sides": [], "code": code, "message": message_id}
        session.add(
            Conflict(
                company_id=one.company_id,
                kind=REFUSED,
                identity_id=one.id,
                evidence=evidence,
                state="open",
                at=clock.now(),
            )
        )


def _row(component: Component, one: Dispute, now: int) -> Conflict:
    return Conflict(
        company_id=component.identities[one.who].company_id,
        kind=one.kind,
        identity_id=one.who,
        evidence={"sides": one.sides},
        state="open",
        at=now,
    )
