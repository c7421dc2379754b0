"""One segment of the spool as a file: how records are framed, who owns it, what is read back after a crash.

A frame is a mark, the length and the CRC-32 of what follows; what follows is one SpoolRecord. The owner
holds the file's flock for as long as it writes, so that everybody sees when the owner is dead.
"""

import fcntl
import json
import os
import secrets
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from wxtag import clock
from wxtag.durable import sync_directory
from wxtag.errors import InputError
from wxtag.spooling import SpoolRecord

SUFFIX = ".seg"
_MARK = b"wxr1"
_FRAME = struct.Struct(">4sII")
_META = struct.Struct(">I")
LONGEST = 32 * 1024 * 1024
"""Bytes of one record; a length beyond it in a file is damage."""


class Reading(NamedTuple):
    """What a segment holds."""

    records: list[tuple[str, SpoolRecord]]
    """(spool_id, record), in the order in which they came."""
    torn: int | None
    """Where a record begins that a crash cut off and that was never acknowledged."""
    damaged: list[tuple[int, int]]
    """(from, to) in bytes: what was acknowledged and cannot be read."""


def frame(record: SpoolRecord) -> bytes:
    """The bytes of one record in a segment. Raises InputError for one that is too long."""
    fields = dict(vars(record))
    body = fields.pop("body")
    meta: bytes = json.dumps(fields, separators=(",", ":")).encode()
    content: bytes = _META.pack(len(meta)) + meta + body
    if len(content) > LONGEST:
        raise InputError(f"a record of {len(content)} bytes: at most {LONGEST} are kept")
    return _FRAME.pack(_MARK, len(content), zlib.crc32(content)) + content


def create(folder: Path) -> tuple[str, int]:
    """A new, empty segment that this process owns: (name, descriptor). Raises OSError.

    It gets its name only after it is locked: under it another process would take it for abandoned.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{clock.now():013d}-{secrets.token_hex(8)}"
    fresh = folder / f"{name}.new"
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        fresh.rename(folder / (name + SUFFIX))
        sync_directory(folder)
    except BaseException:
        os.close(descriptor)
        raise
    return name, descriptor


def take_over(path: Path) -> int | None:
    """Locks a segment whose owner has let go of it or is dead; its descriptor, or nothing."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between our open and our lock another one may have moved it and deleted the name.
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


def read(name: str, descriptor: int) -> Reading:
    """Everything that can be read of a segment; behind damage it goes on with the next whole record."""
    data = _whole(descriptor)
    records: list[tuple[str, SpoolRecord]] = []
    damaged: list[tuple[int, int]] = []
    offset = 0
    while offset < len(data):
        end = _end(data, offset)
        record = _record(data[offset + _FRAME.size : end]) if end else None
        if record is not None:
            records.append((f"{name}:{offset}", record))
            offset = end
            continue
        following = _next(data, offset)
        if following == len(data) and _cut_short(data[offset:]):
            return Reading(records, offset, damaged)
        damaged.append((offset, following))
        offset = following
    return Reading(records, None, damaged)


def name_of(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def created_at(path: Path) -> int:
    """When the segment was begun, epoch ms; its name says it."""
    first = path.name.split("-")[0]
    return int(first) if first.isdigit() else 0


def _whole(descriptor: int) -> bytes:
    size, parts, offset = os.fstat(descriptor).st_size, [], 0
    while offset < size:
        part = os.pread(descriptor, size - offset, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _end(data: bytes, offset: int) -> int:
    """Where the frame at `offset` ends; 0 when there is no whole and right frame."""
    if offset + _FRAME.size > len(data):
        return 0
    mark, length, crc = _FRAME.unpack_from(data, offset)
    end: int = offset + _FRAME.size + length
    if mark != _MARK or length > LONGEST or end > len(data):
        return 0
    return end if zlib.crc32(data[offset + _FRAME.size : end]) == crc else 0


def _record(content: bytes) -> SpoolRecord | None:
    try:
        (length,) = _META.unpack_from(content)
        fields = json.loads(content[_META.size : _META.size + length])
        return SpoolRecord(body=content[_META.size + length :], **fields)
    except (struct.error, ValueError, TypeError):
        return None


def _next(data: bytes, offset: int) -> int:
    """Where the next whole record begins, or the end."""
    place = data.find(_MARK, offset + 1)
    while place >= 0 and not _end(data, place):
        place = data.find(_MARK, place + 1)
    return place if place >= 0 else len(data)


def _cut_short(rest: bytes) -> bool:
    """Whether a crash left this of a last write that nobody was told of: its beginning, or only its length
    (a file system may have made room for it, zeros, before its data)."""
    if not any(rest):
        return True
    return rest[:4] == _MARK[: len(rest)] and (
        len(rest) < _FRAME.size or len(rest) - _FRAME.size < _FRAME.unpack_from(rest)[1] <= LONGEST
    )
