"""The durable local spool: what was put into it is on the disk, whatever dies next.

Each process appends to a segment of its own. Threads that put at the same time share one write and one
sync (group commit): a sync costs 0.1 to 5 ms, and one for each message would be the limit of the doors.
"""

import contextlib
import errno
import logging
import os
import threading
import weakref
from pathlib import Path

from config import Settings
from wxtag import spool_segment
from wxtag.durable import sync
from wxtag.errors import Unavailable
from wxtag.spooling import SpoolRecord

FOLDER = "spool"
SEGMENT_BYTES = 8 * 1024 * 1024
log = logging.getLogger(__name__)


class _Group:
    """The records that go to the disk together."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ids: list[str] = []
        self.error: OSError | None = OSError(errno.EIO, "the writing was interrupted")
        """Nothing once all of it is on the disk."""
        self.waiting: list[threading.Lock] = []
        """A lock a thread, which the leader opens: far cheaper than an Event, on the way of every message."""


class Spool:
    """This process's end of the spool in one folder; threads may put at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.arrived = threading.Event()
        """Set when something was put; the mover clears it."""
        self.writes = 0
        """How often was written to the disk: shows how busy this process is."""
        self.fault = ""
        """Why the last write did not succeed."""
        self._name = ""
        self._descriptor: int | None = None
        self._size = 0
        self._forget()
        _spools.add(self)

    def put(self, record: SpoolRecord) -> str:
        """Returns the record's spool_id when it is on the disk. Raises Unavailable: then nothing is kept."""
        framed = spool_segment.frame(record)
        mine = threading.Lock()
        mine.acquire()
        with self._gathering:
            group, place = self._group, len(self._group.frames)
            group.frames.append(framed)
            if place:
                group.waiting.append(mine)
        if place:
            mine.acquire()
        else:
            self._lead(group)
        if group.error is not None:
            raise Unavailable(
                f"nothing can be written to {self.folder} ({group.error.strerror}): look at the disk's space"
            ) from group.error
        if not self.arrived.is_set():
            self.arrived.set()
        return group.ids[place]

    def rotate(self) -> None:
        """Lets go of the current segment, so that it can be moved; the next put begins another."""
        with self._disk:
            self._let_go()

    def _lead(self, group: _Group) -> None:
        """Whoever came first writes for all who came while the disk was busy with the group before."""
        try:
            with self._disk:
                with self._gathering:
                    self._group = _Group()
                self._write(group)
        except OSError as error:
            group.error, self.fault = error, error.strerror or type(error).__name__
            log.error("the spool %s cannot be written: %s", self.folder, error)
        finally:
            for follower in group.waiting:
                follower.release()

    def _write(self, group: _Group) -> None:
        if self._descriptor is None or self._size >= SEGMENT_BYTES:
            self._let_go()
            self._name, self._descriptor = spool_segment.create(self.folder)
        descriptor, data, written = self._descriptor, memoryview(b"".join(group.frames)), 0
        try:
            while written < len(data):
                written += os.pwrite(descriptor, data[written:], self._size + written)
            sync(descriptor)
        except OSError:
            # After a failed sync nobody knows what of the file is on the disk: cut off what was not
            # acknowledged, and never write to this segment again.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self._size)
                sync(descriptor)
            self._let_go()
            raise
        for framed in group.frames:
            group.ids.append(f"{self._name}:{self._size}")
            self._size += len(framed)
        group.error, self.fault = None, ""
        self.writes += 1

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._name, self._descriptor, self._size = "", None, 0

    def _forget(self) -> None:
        self._gathering = threading.Lock()
        self._disk = threading.Lock()
        self._group = _Group()
        self._name, self._descriptor, self._size = "", None, 0

    def _after_fork(self) -> None:
        """A child begins a segment of its own. It closes its copy of the parent's, which would keep the
        lock after the parent's death, and the parent's threads, who held our locks, do not exist in it."""
        descriptor = self._descriptor
        self._forget()
        self.arrived = threading.Event()
        if descriptor is not None:
            os.close(descriptor)


_spools: "weakref.WeakSet[Spool]" = weakref.WeakSet()
_by_folder: dict[Path, Spool] = {}
_opening = threading.Lock()


def spool_of(settings: Settings) -> Spool:
    """The one spool of this process for these settings."""
    folder = settings.data_dir / FOLDER
    found = _by_folder.get(folder)
    if found is None:
        with _opening:
            found = _by_folder.setdefault(folder, Spool(folder))
    return found


def _after_fork() -> None:
    global _opening
    _opening = threading.Lock()
    for spool in list(_spools):
        spool._after_fork()


os.register_at_fork(after_in_child=_after_fork)
