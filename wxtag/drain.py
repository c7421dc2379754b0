"""Works the inbox off: batches by claim, in order for each person, retried with back-off, then failed."""

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from wxtag import claims, clock
from wxtag.app import core
from wxtag.database import writing
from wxtag.envelope import content_time
from wxtag.errors import Refused, WxtagError
from wxtag.inbox import Reading, read
from wxtag.leases import lock
from wxtag.models import InboxMessage, Seen
from wxtag.resolve import one_at_a_time

MAX_TRIES = 8
CLAIM_MS = 30_000
"""After so long another worker takes over what one had claimed; a batch takes a few seconds."""
log = logging.getLogger(__name__)

Work = Callable[[Session, InboxMessage, Reading], str | None]
"""Does what follows from a message, in the given transaction. Returns why it is ignored, or nothing."""


def drain(work: Work, limit: int = 200) -> int:
    """Works off one batch of what is due; returns how many messages were looked at.

    Each message stands or falls alone (a savepoint); one that fails waits and holds back the later ones
    of its person, nobody else's.
    """
    token = claims.token()
    ids = _claim(token, limit)
    if not ids:
        return 0
    try:
        with writing() as session:
            held: set[str] = set()
            mine = (InboxMessage.id.in_(ids), InboxMessage.claim == token, InboxMessage.state == "new")
            for message in session.scalars(select(InboxMessage).where(*mine).order_by(InboxMessage.id)).all():
                if message.person_hash and message.person_hash in held:
                    message.claim, message.claimed_until = None, 0
                    continue
                if not _do(session, message, work) and message.person_hash:
                    held.add(message.person_hash)
    except BaseException:
        _release(token)
        raise
    return len(ids)


def _claim(token: str, limit: int) -> list[int]:
    """Takes the oldest messages that are due, leaving out everyone who has an earlier one unfinished."""
    now = clock.now()
    earlier = aliased(InboxMessage)
    blocked = exists().where(
        and_(
            earlier.company_id == InboxMessage.company_id,
            earlier.person_hash == InboxMessage.person_hash,
            earlier.id < InboxMessage.id,
            earlier.state == "new",
            or_(earlier.next_try_at > now, earlier.claimed_until > now),
        )
    )
    with writing() as session:
        # Two drainers that choose at the same moment could take two messages of one person apart.
        lock(session, "claim inbox")
        ids = list(
            session.scalars(
                select(InboxMessage.id)
                .where(
                    InboxMessage.state == "new",
                    InboxMessage.next_try_at <= now,
                    InboxMessage.claimed_until <= now,
                    or_(InboxMessage.person_hash == "", ~blocked),
                )
                .order_by(InboxMessage.id)
                .limit(limit)
            )
        )
        if ids:
            session.execute(
                update(InboxMessage)
                .where(InboxMessage.id.in_(ids))
                .values(claim=token, claimed_until=now + CLAIM_MS)
            )
    return ids


def _release(token: str) -> None:
    with writing() as session:
        session.execute(
            update(InboxMessage).where(InboxMessage.claim == token).values(claim=None, claimed_until=0)
        )


def _do(session: Session, message: InboxMessage, work: Work) -> bool:
    """One message; says whether the person's later ones may follow."""
    now = clock.now()
    try:
        with session.begin_nested():
            ignored, duplicate = None, False
            reading = read(session, message)
            if _too_old(reading.content, message, now):
                ignored = "older than raw messages are kept: it may have been done before"
            else:
                one_at_a_time(session, message.company_id)
                duplicate = message.dedupe_hash != "" and not _first(session, message, reading, now)
                if not duplicate:
                    ignored = work(session, message, reading)
    except Exception as error:
        return _failed(session, message, error, now)
    message.state = "duplicate" if duplicate else "ignored" if ignored else "done"
    message.error, message.done_at, message.claim, message.claimed_until = ignored, now, None, 0
    return True


def _first(session: Session, message: InboxMessage, reading: Reading, now: int) -> bool:
    """Remembers this content as done, in the transaction that does it; False when it was done before."""
    seen = Seen(
        company_id=message.company_id,
        scope=reading.account.key,
        hash=message.dedupe_hash,
        person_hash=message.person_hash,
        message_id=message.id,
        at=now,
    )
    there = select(Seen.id).where(
        Seen.company_id == seen.company_id, Seen.scope == seen.scope, Seen.hash == seen.hash
    )
    if session.scalar(there) is not None:
        return False
    session.add(seen)
    return True


def _too_old(content: dict[str, Any], message: InboxMessage, now: int) -> bool:
    days = core().settings.inbox_days
    at = content_time(content) if message.source == "callback" else None
    return days > 0 and at is not None and at < message.received_at - days * clock.DAY_MS


def _failed(session: Session, message: InboxMessage, error: Exception, now: int) -> bool:
    """Waits twice as long each time; says whether it is given up, so that the next ones may go."""
    permanent = isinstance(error, WxtagError) and error.permanent and not isinstance(error, Refused)
    message.tries += 1
    message.error = f"{type(error).__name__}: {error}"[:2000]
    message.claim, message.claimed_until = None, 0
    if permanent or message.tries >= MAX_TRIES:
        message.state, message.done_at = "failed", now
        log.warning("message %s (%s) failed for good: %s", message.id, message.event, type(error).__name__)
        return True
    message.next_try_at = now + 1000 * 2 ** (message.tries - 1)
    log.info("message %s (%s) is tried again: %s", message.id, message.event, type(error).__name__)
    return False


def waiting(session: Session) -> bool:
    """Is anything due?"""
    now = clock.now()
    due = select(InboxMessage.id).where(
        InboxMessage.state == "new", InboxMessage.next_try_at <= now, InboxMessage.claimed_until <= now
    )
    return session.scalar(due.limit(1)) is not None
