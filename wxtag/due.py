"""Takes the oldest messages that are due, so that one worker at a time has them, each person's in order."""

from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.database import writing
from wxtag.inbox import Kept
from wxtag.leases import lock
from wxtag.models import InboxMessage

CLAIM_MS = 30_000
"""After so long another worker takes over what one had claimed; a batch takes a few seconds."""
MESSAGES, BYTES = 1_000, 2_000_000
"""A batch is at most so many messages, of so many bytes together: a page of an import holds many people."""


def claim(token: str, limit: int) -> list[int]:
    """Takes the oldest messages that are due, leaving out everyone who has an earlier one unfinished."""
    now = clock.now()
    with writing() as session:
        # Two drainers that choose at the same moment could take two messages of one person apart.
        lock(session, "claim inbox")
        ids: list[int] = []
        last = 0
        while due := _due(session, now, last, limit):
            ids = _in_turn(session, due)
            last = max(one.id for one in due)
            if ids:
                break
        for some in rows.chunks(ids):
            session.execute(
                update(InboxMessage)
                .where(InboxMessage.id.in_(some))
                .values(claim=token, claimed_until=now + CLAIM_MS)
            )
    return ids


class _Due(NamedTuple):
    id: int
    company_id: int
    person_hash: str


def _due(session: Session, now: int, after: int, limit: int) -> list[_Due]:
    """The oldest messages that may be worked on: new ones beyond `after`, and those whose next try has come.

    Two looks, each along an index; together they are one batch.
    """
    columns = select(
        InboxMessage.id, InboxMessage.company_id, InboxMessage.person_hash, func.length(InboxMessage.body)
    ).where(InboxMessage.state == "new", InboxMessage.claimed_until <= now, InboxMessage.id > after)
    fresh = columns.where(InboxMessage.next_try_at == 0).order_by(InboxMessage.id)
    again = columns.where(InboxMessage.next_try_at > 0, InboxMessage.next_try_at <= now)
    found = [*session.execute(again.order_by(InboxMessage.next_try_at).limit(limit))]
    found += session.execute(fresh.limit(limit))
    due: list[_Due] = []
    size = 0
    for message_id, company_id, person, length in sorted(found, key=lambda row: int(row[0]))[:limit]:
        size += length
        if due and size > BYTES:
            break
        due.append(_Due(message_id, company_id, person))
    return due


def _in_turn(session: Session, due: list[_Due]) -> list[int]:
    """Those of them whose person has no earlier message that is unfinished and not among them."""
    ids = {one.id for one in due}
    first: dict[tuple[int, str], int] = {}
    for company_id in {one.company_id for one in due}:
        persons = [one.person_hash for one in due if one.company_id == company_id and one.person_hash]
        for some in rows.chunks(persons):
            others = select(InboxMessage.person_hash, InboxMessage.id).where(
                InboxMessage.company_id == company_id,
                InboxMessage.person_hash.in_(some),
                InboxMessage.state == "new",
                InboxMessage.id < max(ids),
            )
            for person, message_id in session.execute(others):
                if message_id not in ids:
                    first[company_id, person] = min(message_id, first.get((company_id, person), message_id))
    return [one.id for one in due if one.id < first.get((one.company_id, one.person_hash), one.id + 1)]


def claimed(session: Session, ids: list[int], token: str) -> list[Kept]:
    """The messages that are still ours: who was slow may have been taken for dead."""
    mine = (InboxMessage.id.in_(ids), InboxMessage.claim == token, InboxMessage.state == "new")
    found = select(*(getattr(InboxMessage, name) for name in Kept._fields)).where(*mine)
    return [Kept(*row) for row in session.execute(found.order_by(InboxMessage.id).with_for_update())]


def waiting(session: Session) -> bool:
    """Is anything due?"""
    now = clock.now()
    due = select(InboxMessage.id).where(
        InboxMessage.state == "new", InboxMessage.next_try_at <= now, InboxMessage.claimed_until <= now
    )
    return session.scalar(due.limit(1)) is not None
