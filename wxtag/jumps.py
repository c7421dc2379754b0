"""A host's clock that was wrong and is right again: what it put off until far away is due now."""

import logging

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.database import add_once, changed
from wxtag.models import InboxMessage, Lease, Lookup, NightlyRun, Push

SEEN = "latest time"
"""The lease in which the latest time stands that the clock has seen; nobody ever holds it."""
EVERY_MS = 10_000
BACK_MS = 60_000
"""Clocks of several hosts differ by seconds; what is more is a jump."""
log = logging.getLogger(__name__)


def due(session: Session) -> bool:
    """Whether it is time to look: now and then, and at once when the time went back."""
    seen = session.scalar(select(Lease.until).where(Lease.name == SEEN))
    return seen is None or not -BACK_MS <= clock.now() - seen < EVERY_MS


def heal(session: Session) -> int:
    """Looks whether the time went back since the last look; if so, makes due what would wait for the time
    that was. How many rows. What had a good reason to wait is tried, and put off again."""
    now = clock.now()
    seen = session.scalar(select(Lease.until).where(Lease.name == SEEN))
    if seen is None:
        add_once(session, Lease(name=SEEN, until=now))
    if seen is None or -BACK_MS <= now - seen < EVERY_MS:
        return 0
    session.execute(update(Lease).where(Lease.name == SEEN).values(until=now))
    if now > seen:
        return 0
    later = now + BACK_MS
    due = [
        update(InboxMessage)
        .where(InboxMessage.state == "new", InboxMessage.next_try_at > later)
        .values(next_try_at=now),
        update(InboxMessage)
        .where(InboxMessage.state == "new", InboxMessage.claimed_until > later)
        .values(claim=None, claimed_until=0),
        update(Lookup).where(Lookup.state == "waiting", Lookup.next_try_at > later).values(next_try_at=now),
        update(Push).where(Push.state == "waiting", Push.next_try_at > later).values(next_try_at=now),
        update(Lease).where(Lease.until > later, Lease.name != SEEN).values(holder=None, until=0),
        # A night of a day that has not come would leave that day without one.
        delete(NightlyRun).where(NightlyRun.started_at > later),
    ]
    healed = sum(changed(session, statement) for statement in due)
    log.warning("the clock went back by %d s: %d rows no longer wait for it", (seen - now) // 1000, healed)
    return healed
