"""Who may do a kind of work now: rows of the database, because Redis may be lost."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from wxtag import claims, clock
from wxtag.database import add_once, changed, writing
from wxtag.models import Lease


class Held:
    """A lease that is ours until it runs out; `renew` says whether it still is."""

    def __init__(self, name: str, holder: str, ms: int) -> None:
        self.name, self.holder, self.ms = name, holder, ms
        self.renewed_at = clock.monotonic()

    def renew(self) -> bool:
        """Says whether it is still ours. Asks the database only when a third of it has run out."""
        now = clock.monotonic()
        if (now - self.renewed_at) * 1000 < self.ms / 3:
            return True
        self.renewed_at = now
        return _take(self.name, self.holder, self.ms)


@contextmanager
def lease(name: str, ms: int = 30_000) -> Iterator[Held | None]:
    """The lease, or None when somebody else holds it.

    It ends when its process dies (wxtag/claims.py sees that), and when it is not renewed in time.
    """
    holder = claims.token()
    try:
        taken = _take(name, holder, ms)
    except SQLAlchemyError:
        claims.abandon(holder)  # it may have been written: the answer is what is lost
        raise
    if not taken:
        yield None
        return
    try:
        yield Held(name, holder, ms)
    finally:
        try:
            with writing() as session:
                ours = update(Lease).where(Lease.name == name, Lease.holder == holder)
                session.execute(ours.values(holder=None, until=0))
        except SQLAlchemyError:
            claims.abandon(holder)


def lock(session: Session, name: str) -> None:
    """Nobody else passes this line until the caller's transaction ends."""
    if session.scalar(select(Lease.name).where(Lease.name == name)) is None:
        add_once(session, Lease(name=name))
    session.scalar(select(Lease.name).where(Lease.name == name).with_for_update())


def _take(name: str, holder: str, ms: int) -> bool:
    now = clock.now()
    with writing() as session:
        if session.scalar(select(Lease.name).where(Lease.name == name)) is None:
            add_once(session, Lease(name=name))
        # One that holds for longer than it can was taken by a clock that was wrong.
        free = (Lease.until <= now) | (Lease.until > now + 2 * ms) | (Lease.holder == holder)
        take = update(Lease).where(Lease.name == name, free).values(holder=holder, until=now + ms)
        return changed(session, take) == 1
