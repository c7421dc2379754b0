"""Puts what was written on the disk itself: what is answered after this survives a loss of power."""

import fcntl
import os
import sys
from pathlib import Path


def sync(descriptor: int) -> None:
    """Returns when the data of an open file is on the disk. Raises OSError."""
    if sys.platform == "darwin":
        # There fsync only reaches the drive's own cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


def sync_directory(path: Path) -> None:
    """Returns when new, renamed and deleted names in a directory are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
