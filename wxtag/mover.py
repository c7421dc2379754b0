"""Moves what waits in the local spool to the inbox, in batches, and rings the bell for the workers."""

import contextlib
import logging
import os
import threading
import weakref
from collections.abc import Callable
from multiprocessing.util import Finalize
from pathlib import Path
from typing import NamedTuple

from flask import Flask
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from config import Settings
from wxtag import bell, clock, snapshot, spool_segment
from wxtag.app import Core
from wxtag.app import core as core_of_app
from wxtag.database import reading
from wxtag.durable import sync, sync_directory
from wxtag.errors import WxtagError
from wxtag.spool import FOLDER, spool_of
from wxtag.spooling import SpoolRecord

BATCH = 500
GATHER = 0.02
"""Seconds to wait for more after the first record: what comes together goes to the database together."""
BUSY = 10
"""Writes to the spool while one batch is moved, from which on the doors are busy."""
REST = 9.0
"""Then the mover rests so many times as long as the batch took: it shares its process with the doors, and
what waits in the spool is safe."""
LONGEST_REST = 1.0
"""Seconds: a batch may have waited for the database more than it worked."""
LOOK = 1.0
"""Seconds between looks for the segments of processes that died."""
REFRESH = 5.0
"""Seconds between looks for bindings that were changed on another host, and between tellings of our spool."""
LONGEST_WAIT = 5.0
KEPT_ASIDE = (".damaged", ".refused")
"""What could not be read, and what the database refuses for good."""

Records = list[tuple[str, SpoolRecord]]
Accept = Callable[[Records], int]
Tell = Callable[[Core, bool], None]
"""Says how much waits, and whether this process is leaving."""
log = logging.getLogger(__name__)


class Backlog(NamedTuple):
    """What waits in the spool of this host."""

    size: int
    """Bytes."""
    oldest_ms: int
    """How long the oldest has waited."""


class Taken(NamedTuple):
    """What one segment held."""

    messages: int
    new: int


def move_once(core: Core, accept: Accept) -> int:
    """Hands everything that waits to `accept`, in order and in batches; how many records.

    A segment is deleted only after its last batch was accepted. What `accept` raises comes out, and
    nothing is lost: the batch comes again, with the same spool_ids. Needs an application context if
    `accept` does.
    """
    spool = spool_of(core.settings)
    spool.rotate()
    moved = 0
    for path in _segments(spool.folder):
        descriptor = spool_segment.take_over(path)
        if descriptor is None:
            continue
        try:
            moved += read_in(path, descriptor, accept).messages
            path.unlink()
        finally:
            os.close(descriptor)
    return moved


def backlog(settings: Settings) -> Backlog:
    """For /readyz and the metrics; asks only the file system."""
    folder = settings.data_dir / FOLDER
    now, total, oldest = clock.now(), 0, 0
    for path in _segments(folder):
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            if size:
                total += size
                oldest = max(oldest, now - spool_segment.created_at(path))
    return Backlog(total, oldest)


def kept_aside(settings: Settings) -> list[Path]:
    """Files of the spool that nobody could take in and that wait for a person."""
    return aside_in(settings.data_dir / FOLDER)


def aside_in(folder: Path) -> list[Path]:
    return sorted(path for suffix in KEPT_ASIDE for path in folder.glob("*" + suffix))


def read_in(path: Path, descriptor: int, accept: Accept) -> Taken:
    """Hands the records of one segment to `accept`; what cannot be read or accepted is kept beside it."""
    found, new = spool_segment.read(spool_segment.name_of(path), descriptor), 0
    for start in range(0, len(found.records), BATCH):
        new += _accept(path, found.records[start : start + BATCH], accept)
    if found.torn is not None:
        log.warning(
            "%s ends in a record that a crash cut off at byte %d: it was never acknowledged, and the "
            "platform sends it again",
            path,
            found.torn,
        )
    for start, end in found.damaged:
        kept = path.with_name(f"{path.stem}-{start}.damaged")
        _keep(kept, os.pread(descriptor, end - start, start))
        log.error(
            "%s is damaged from byte %d to %d; messages that we acknowledged are in there. What could not "
            "be read is kept in %s; the disk needs looking at",
            path,
            start,
            end,
            kept,
        )
    return Taken(len(found.records), new)


class Mover:
    """A thread of a web process that moves what its doors have put, and what dead processes left."""

    def __init__(self, app: Flask, accept: Accept, tell: Tell = lambda _core, _leaving: None) -> None:
        self._app = weakref.ref(app)
        self._accept = accept
        self._tell = tell
        self._settings = _core(app).settings
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def ensure_started(self) -> None:
        """Starts the thread once in each process; cheap to call for every request."""
        if self._pid == os.getpid():
            return
        with self._starting:
            if self._pid != os.getpid():
                self._thread = threading.Thread(target=self._run, name="mover", daemon=True)
                self._pid = os.getpid()
                self._thread.start()
                # Not atexit: web servers start their processes by multiprocessing, where it is not run.
                Finalize(None, self._leave, exitpriority=10)

    def stop(self) -> None:
        """Ends the thread after what it is doing; it can not be started again."""
        self._stopping.set()
        if self._thread is not None and self._pid == os.getpid():
            spool_of(self._settings).arrived.set()
            self._thread.join(10)

    def _leave(self) -> None:
        """A process that ends in good order moves what it still has, and is not missed afterwards."""
        app = self._app()
        if app is None or self._stopping.is_set() or self._pid != os.getpid():
            return
        self.stop()
        try:
            with app.app_context():
                core = core_of_app()
                move_once(core, self._accept)
                self._tell(core, True)
        except Exception as error:
            log.warning("the spool waits for the next start: %s", _told(error))

    def _run(self) -> None:
        spool, failures, next_refresh, quiet_until = spool_of(self._settings), 0, 0.0, 0.0
        while not self._stopping.is_set():
            app = self._app()
            if app is None:
                return
            spool.arrived.clear()
            try:
                with app.app_context():
                    core = core_of_app()
                    moved = move_once(core, self._accept_gently)
                    if moved and clock.monotonic() >= quiet_until:
                        quiet_until = _ring(core)
                    if clock.monotonic() >= next_refresh:
                        next_refresh = clock.monotonic() + REFRESH
                        with reading() as session:
                            snapshot.refresh(session, core.settings, core.sealer)
                        self._tell(core, False)
            except Exception as error:
                wait = min(LONGEST_WAIT, 0.1 * 2**failures)
                failures = min(failures + 1, 10)
                ours = not isinstance(error, SQLAlchemyError | WxtagError | OSError)
                log.warning(
                    "the spool waits, and is tried again in %.1f s: %s", wait, _told(error), exc_info=ours
                )
                del app
                self._stopping.wait(wait)
                continue
            del app
            failures = 0
            if spool.arrived.wait(LOOK):
                self._stopping.wait(GATHER)

    def _accept_gently(self, records: Records) -> int:
        began, spool = clock.monotonic(), spool_of(self._settings)
        before = spool.writes
        taken = self._accept(records)
        if spool.writes >= before + BUSY:
            self._stopping.wait(min(LONGEST_REST, REST * (clock.monotonic() - began)))
        return taken


def _accept(path: Path, records: Records, accept: Accept) -> int:
    """Accepts a batch; when the database refuses one record of it for good, all but that one. How many
    were new."""
    try:
        return accept(records)
    except (DataError, IntegrityError) as error:
        if len(records) > 1:
            middle = len(records) // 2
            return _accept(path, records[:middle], accept) + _accept(path, records[middle:], accept)
        spool_id, record = records[0]
        kept = path.parent / f"{spool_id.replace(':', '-')}.refused"
        _keep(kept, spool_segment.frame(record))
        log.error("the database refuses %s for good, it is kept in %s: %s", spool_id, kept, _told(error))
        return 0


def _keep(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        sync(file.fileno())
    sync_directory(path.parent)


def _segments(folder: Path) -> list[Path]:
    """Oldest first: their names begin with the time."""
    try:
        found = [path for path in folder.iterdir() if path.suffix == spool_segment.SUFFIX]
    except FileNotFoundError:
        return []
    return sorted(found)


def _ring(core: Core) -> float:
    """Until when not to ring again: a Redis that hangs must not hold up what moves to the database."""
    began = clock.monotonic()
    bell.ring(core.redis, "drain")
    now = clock.monotonic()
    return now + 10.0 if now - began > 1.0 else 0.0


def _core(app: Flask) -> Core:
    with app.app_context():
        return core_of_app()


def _told(error: Exception) -> str:
    """What a log may hold of it: a database's error repeats the row that it refused."""
    told = isinstance(error, WxtagError | OSError)
    return f"{type(error).__name__}: {error}" if told else type(error).__name__
