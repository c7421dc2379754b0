"""Who has taken work on, and that a dead process holds nothing: its claims and leases are free at once.

A claim bears the name of its process (`token()`). A process that takes work on beats about once a second in
the table `processes`. No clock is compared: a process is dead when its pid is gone on this very machine, or
when its beat stood still while ours went on. A database that nobody can write to makes nobody dead, for
nobody beats.

A process that was only slow may be thought dead, so whoever works for longer than a moment still asks, in the
transaction of its effects, whether the claim is its own (and locks the rows that say so).
"""

import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session

from wxtag.database import changed, writing
from wxtag.models import InboxMessage, Lease, Process

Column = InstrumentedAttribute[str | None]
STILL = 4
"""Beats of ours without one of theirs, after which a process on another machine counts as dead."""
_abandoned: list[str] = []
log = logging.getLogger(__name__)


def token() -> str:
    """A new name for a claim or lease; it begins with the name of this process."""
    return f"{_name_of(os.getpid())}/{secrets.token_hex(6)}"


def give_back(session: Session, holders: Callable[[Column], ColumnElement[bool]]) -> None:
    """Frees everything that these holders have: every table in which a claim can stand."""
    session.execute(update(Lease).where(holders(Lease.holder)).values(holder=None, until=0))
    # Looked up first: an UPDATE that searches would wait for rows that others work on, and deadlock.
    theirs = select(InboxMessage.id).where(InboxMessage.state == "new", holders(InboxMessage.claim))
    if ids := list(session.scalars(theirs)):
        session.execute(
            update(InboxMessage)
            .where(InboxMessage.id.in_(ids), holders(InboxMessage.claim))
            .values(claim=None, claimed_until=0)
        )


def abandon(claim: str) -> None:
    """Gives a claim of this process back, with the next beat: also when the database is away just now."""
    _abandoned.append(claim)


def leave() -> None:
    """A process that stops in good order leaves nothing behind; if it cannot, others see that it is gone."""
    with contextlib.suppress(SQLAlchemyError):
        _bury(_name_of(os.getpid()))


class Watch:
    """This process's beat, and its look at the beats of all others. One a process."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        """Process -> its beat, and how often it was found unchanged."""

    def beat(self) -> list[str]:
        """Beats once; frees what dead processes hold, and says which ones were found."""
        me, abandoned = _name_of(os.getpid()), list(_abandoned)
        with writing() as session:
            if abandoned:
                give_back(session, lambda column: column.in_(abandoned))
            mine = update(Process).where(Process.name == me).values(beat=Process.beat + 1)
            if changed(session, mine) == 0:
                session.add(Process(name=me, host=machine(), pid=os.getpid(), beat=1))
        del _abandoned[: len(abandoned)]
        # Looked at after our own beat is written: whatever keeps them from writing keeps us from counting.
        with writing() as session:
            others = session.scalars(select(Process).where(Process.name != me)).all()
            dead = [(one.name, one.beat) for one in others if self._dead(one)]
            self._seen = {one.name: self._seen[one.name] for one in others}
        return [name for name, at in dead if _bury(name, at)]

    def _dead(self, one: Process) -> bool:
        beat, still = self._seen.get(one.name, (-1, 0))
        still = still + 1 if beat == one.beat else 0
        self._seen[one.name] = one.beat, still
        return still >= STILL or (one.host == machine() != "" and not _alive(one.pid))


@cache
def machine() -> str:
    """Where a pid means the same process; "" where that cannot be known."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()[:60]} {boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _bury(process: str, at: int | None = None) -> bool:
    """Strikes a process out and frees what it held, unless it has beaten since."""
    gone = delete(Process).where(Process.name == process)
    with writing() as session:
        if changed(session, gone if at is None else gone.where(Process.beat == at)) == 0:
            return False
        give_back(session, lambda column: column.startswith(f"{process}/", autoescape=True))
    if at is not None:
        log.warning("the process %s is dead: what it had taken on is free again", process)
    return True


@cache
def _name_of(pid: int) -> str:
    """Another one after a fork, and never one of an earlier process with the same pid."""
    return f"{socket.gethostname()[:40]}-{pid}-{secrets.token_hex(4)}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
