"""What the embedded edition stands on: one run a folder, free ports, and what it remembers between runs."""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
MEMORY = "embedded.json"
CLEANING_SECONDS = 60.0


class CannotRun(Exception):
    """Why the embedded edition does not start, in a sentence that says what to do."""


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[int]:
    """Holds the lock of the data folder; gives its file descriptor. Raises CannotRun when it is held.

    The kernel lets go of it when the last process that holds it is gone, so that nothing stale stays
    behind a kill.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "embedded.lock").open("a+") as file:
        _lock(file.fileno(), data_dir)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file.fileno()


def _lock(descriptor: int, data_dir: Path) -> None:
    """Takes the lock; waits only while the guard of a killed run is still tidying up."""
    deadline = time.monotonic() + CLEANING_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            if _alive(holder) or time.monotonic() > deadline:
                raise CannotRun(
                    f"wxtag is already running on {data_dir} (process {holder or 'unknown'}): use that one, "
                    "stop it with Ctrl-C, or set WXTAG_DATA_DIR to another folder for a second one"
                ) from None
            time.sleep(0.1)
        else:
            return


def _alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def free_port(preferred: int, not_these: set[int] | None = None) -> int:
    """The preferred port, or the first free one after it. Raises CannotRun when 100 are taken."""
    for port in range(preferred, preferred + 100):
        if port not in (not_these or set()) and not _taken(port):
            return port
    raise CannotRun(f"the ports {preferred} to {preferred + 99} are all taken: stop what uses them")


def _taken(port: int) -> bool:
    """Whether somebody listens there. A port that a stopped server left in TIME_WAIT is free."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex((HOST, port)) == 0:
            return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def remembered(data_dir: Path) -> dict[str, Any]:
    """What earlier runs on this folder wrote down; nothing before the first."""
    try:
        found = json.loads((data_dir / MEMORY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def remember(data_dir: Path, **values: Any) -> None:
    """Adds to what is remembered. A kill leaves the old text or the new one, never half of it."""
    path = data_dir / MEMORY
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({**remembered(data_dir), **values}, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
