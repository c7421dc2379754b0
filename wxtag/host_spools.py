"""The spools of all web hosts: each host tells of its own, so that one that never comes back is missed.

What its spool holds can be taken in from a copy of the folder, on any host and as often as one likes.
"""

import contextlib
import fcntl
import os
import secrets
import socket
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from config import Settings
from wxtag import clock, mover, spool_segment
from wxtag.database import add_once, changed
from wxtag.errors import InputError, NotFound
from wxtag.models import HostSpool
from wxtag.spool import FOLDER

NAME = "name"
"""The file in the folder that holds the spool's name."""
SILENT_MS = 180_000
WAITING_MS = 60_000
"""So long may a message lie in a spool while the database is up."""


class TakenIn(NamedTuple):
    """What came of a folder."""

    name: str
    messages: int
    new: int
    """Of them, those that were not in the inbox yet."""
    kept_aside: list[Path]
    """What could not be read or stored."""


class Missed(NamedTuple):
    """A host from which messages do not come."""

    host: str
    name: str
    silent: bool
    """It says nothing; otherwise it lives, and its messages wait."""
    seconds: int
    bytes: int
    """What it held when it last spoke."""

    def __str__(self) -> str:
        if not self.silent:
            return f"messages have waited in the spool of {self.host} for {self.seconds} s"
        return (
            f"{self.host} has said nothing for {self.seconds} s, its spool {self.name} then held "
            f"{self.bytes} bytes: bring it back, take in a copy of that folder (flask spool take-in DIR), "
            "or give it up (flask spool forget NAME)"
        )


def tell(session: Session, settings: Settings) -> None:
    """Says that this host lives, and how much its spool holds. One without a spool has nothing to tell."""
    folder = settings.data_dir / FOLDER
    if not folder.is_dir():
        return
    waits, now = mover.backlog(settings), clock.now()
    news = {
        "host": socket.gethostname()[:190],
        "told_at": now,
        "bytes": waits.size,
        "oldest_at": now - waits.oldest_ms if waits.size else None,
        "kept_aside": len(mover.kept_aside(settings)),
    }
    name = _name_in(folder) or _name(folder)
    if changed(session, update(HostSpool).where(HostSpool.name == name).values(**news)) == 0:
        add_once(session, HostSpool(name=name, **news))


def take_leave(session: Session, settings: Settings) -> None:
    """A host that stops with nothing in its spool will not be missed."""
    folder = settings.data_dir / FOLDER
    if (name := _name_in(folder)) and not mover.backlog(settings).size:
        session.execute(delete(HostSpool).where(HostSpool.name == name))


def missed(session: Session, settings: Settings) -> list[Missed]:
    """The other hosts that are silent, or whose spool nobody empties."""
    now, found = clock.now(), []
    ours = _name_in(settings.data_dir / FOLDER)
    for one in session.scalars(select(HostSpool).where(HostSpool.name != ours).order_by(HostSpool.host)):
        silent = now - one.told_at > SILENT_MS
        if silent or (one.oldest_at is not None and now - one.oldest_at > WAITING_MS):
            since = one.told_at if silent else one.oldest_at or now
            found.append(Missed(one.host, one.name, silent, (now - since) // 1000, one.bytes))
    return found


def take_in(folder: Path, accept: mover.Accept) -> TakenIn:
    """Hands the messages in a spool's folder (or in the data folder around it) to `accept`.

    Leaves the folder as it is, but for what could not be read, which is kept beside it. Doing it again
    takes in nothing twice. Raises InputError for a folder that is no spool or that a living process uses.
    """
    folder = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    paths = sorted(folder.glob(f"*{spool_segment.SUFFIX}"))
    name = _name_in(folder)
    if not paths and not name:
        raise InputError(f"{folder} holds no spool: expected files that end in {spool_segment.SUFFIX}")
    messages = new = 0
    for path in paths:
        with path.open("rb") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{path} is being written: its own host lives and takes it in") from None
            found = mover.read_in(path, file.fileno(), accept)
        messages, new = messages + found.messages, new + found.new
    return TakenIn(name, messages, new, mover.aside_in(folder))


def forget(session: Session, name: str, missing_ok: bool = False) -> None:
    """A host is not waited for any more. Raises NotFound."""
    gone = changed(session, delete(HostSpool).where(HostSpool.name == name))
    if not gone and not missing_ok:
        raise NotFound(f"no spool is called {name}: /readyz says the names of those that are missed")


def _name_in(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return (folder / NAME).read_text(encoding="ascii").strip()
    return ""


def _name(folder: Path) -> str:
    """Gives a spool its name; of several processes that do so at once, one wins."""
    fresh = folder / f"{NAME}.{secrets.token_hex(4)}"
    fresh.write_text(secrets.token_hex(8) + "\n", encoding="ascii")
    with contextlib.suppress(FileExistsError):
        os.link(fresh, folder / NAME)
    fresh.unlink()
    return _name_in(folder)
