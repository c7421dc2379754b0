"""The servers of the embedded edition as child processes: started, watched, brought back, stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded_terminal import say

ROOT = Path(__file__).resolve().parent.parent
GRACE = 10.0
"""Seconds that a child has for stopping before it is killed."""
FIRST_WAIT, LONGEST_WAIT, STEADY = 1.0, 30.0, 60.0
"""Seconds: before a dead child is started again, doubled up to; and after which its past is forgotten."""


class Stopped(Exception):
    """Somebody asked us to stop (Ctrl-C, SIGTERM, SIGHUP)."""


@dataclass
class Child:
    """One server: how it is started, and how it has been doing."""

    name: str
    command: list[str]
    again: bool = True
    """Whether it is started again when it ends."""
    log: Path | None = None
    """Where to look when it ends, for one that does not write to the terminal."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    wait: float = FIRST_WAIT
    due_at: float | None = None
    """When it is to be started again, on the monotonic clock."""
    code: int | None = None
    """How it ended, for one that is not started again."""
    reader: threading.Thread | None = field(default=None, repr=False)


class Family:
    """All children, in the order of their start; they are stopped in the opposite order."""

    def __init__(self, environ: Mapping[str, str], lock: int | None = None) -> None:
        self.environ = dict(environ)
        self.children: list[Child] = []
        self._stop_asked = threading.Event()
        self._hurry = threading.Event()
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "config.embedded_guard"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,
            # The lock stays held until the guard is done, so that no second run meets the leftovers.
            pass_fds=() if lock is None else (lock,),
        )

    def listen(self) -> None:
        """From now on signals ask us to stop; a second one makes us hurry."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.ask_to_stop())

    def ask_to_stop(self) -> None:
        if self._stop_asked.is_set():
            self._hurry.set()
        self._stop_asked.set()

    def start(self, name: str, command: list[str], again: bool = True, log: Path | None = None) -> Child:
        child = Child(name, command, again, log)
        self.children.append(child)
        self._launch(child)
        return child

    def pause(self, seconds: float) -> None:
        """Lets time pass while looking after the children. Raises Stopped."""
        deadline = time.monotonic() + seconds
        while True:
            if self._stop_asked.is_set():
                raise Stopped
            self.tend()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._stop_asked.wait(min(left, 0.2))

    def until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Whether it became ready in time. Raises Stopped."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                return False
            self.pause(0.05)
        return True

    def tend(self) -> None:
        """Notices who ended, says so, and starts again who should be running."""
        now = time.monotonic()
        for child in list(self.children):
            if child.due_at is not None and now >= child.due_at:
                self._launch(child)
            elif child.process is not None and child.process.poll() is not None:
                self._ended(child, child.process.returncode, now)

    def stop(self) -> None:
        """Stops all, last started first; returns when all are gone."""
        for child in reversed(self.children):
            child.due_at = None
            if child.process is not None:
                self._end(child, child.process)
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()

    def _launch(self, child: Child) -> None:
        child.due_at = None
        child.started_at = time.monotonic()
        child.process = subprocess.Popen(
            child.command,
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the whole foreground group; the order of stopping is ours, so theirs is another.
            start_new_session=True,
        )
        self._tell_guard("+", child.process.pid)
        child.reader = threading.Thread(target=_read, args=(child.name, child.process), daemon=True)
        child.reader.start()

    def _ended(self, child: Child, code: int, now: float) -> None:
        process, child.process = child.process, None
        assert process is not None
        self._sweep(child, process)
        if not child.again:
            child.code = code
            self.children.remove(child)
            return
        if now - child.started_at > STEADY:
            child.wait = FIRST_WAIT
        where = f" (see {child.log})" if child.log else ""
        say(
            child.name, f"意外退出 · ended with {_reason(code)}{where}; starting it again in {child.wait:g} s"
        )
        child.due_at = now + child.wait
        child.wait = min(child.wait * 2, LONGEST_WAIT)

    def _end(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while process.poll() is None and time.monotonic() < deadline and not self._hurry.is_set():
            time.sleep(0.02)
        if process.poll() is None:
            if not self._hurry.is_set():
                say(child.name, f"did not stop within {GRACE:g} s and is killed")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._sweep(child, process)
        child.process = None

    def _sweep(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        """Nothing that a child started outlives it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        self._tell_guard("-", process.pid)
        if child.reader is not None:
            child.reader.join(2)

    def _tell_guard(self, sign: str, pid: int) -> None:
        assert self._guard.stdin is not None
        with contextlib.suppress(OSError):
            self._guard.stdin.write(f"{sign}{pid}\n".encode())
            self._guard.stdin.flush()


def _read(name: str, process: "subprocess.Popen[bytes]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        say(name, line.decode("utf-8", "replace").rstrip())


def _reason(code: int) -> str:
    """`exit code 1`, or the name of the signal."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
