"""What the line needs is away for a while: callbacks are answered all the same, and taken in afterwards.

`OUTAGE_SECONDS` says how long it lasts (the long test: a minute, unless said otherwise).
"""

import contextlib
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.kills.line import Line
from tests.kills.oracle import check
from tests.kills.stream import Stream

SECONDS = float(os.environ.get("OUTAGE_SECONDS") or 60)
SEED = int(os.environ.get("KILLS_SEED") or random.randrange(10**6))
PATIENCE = 60.0
SLOW = 3.0
"""Seconds within which 99 of 100 callbacks are answered, on a machine that does much else."""


@contextmanager
def killed(line: Line, victim: str) -> Iterator[None]:
    line.strike(victim)
    yield
    line.mend(victim)


@contextmanager
def hanging(line: Line, victim: str) -> Iterator[None]:
    """It keeps its connections and says nothing: worse than being gone."""
    line.freeze(victim)
    yield
    line.thaw(victim)


@contextmanager
def both(line: Line, _victim: str) -> Iterator[None]:
    with killed(line, "redis"), hanging(line, "database"):
        yield


def outage(line: Line, away: Callable[[Line, str], object], victim: str, seconds: float) -> None:
    print(f"KILLS_SEED={SEED}")
    stream = Stream(line, SEED)
    stream.gather(4)
    stream.start(rate=8.0)
    time.sleep(0.5)
    with away(line, victim):  # type: ignore[attr-defined]
        time.sleep(1.0)  # whoever asked the database before it went has its answer now, or never
        stream.took.clear()
        failed = stream.failed
        time.sleep(seconds)
        took, unanswered = sorted(stream.took), stream.failed - failed
    stream.stop()
    assert unanswered == 0 and len(took) > seconds, f"{len(took)} answered, {unanswered} not"
    assert took[len(took) * 99 // 100] < SLOW, f"slow answers: {took[-5:]}"
    line.settle(PATIENCE + seconds)
    check(line, stream, 10)


AWAY = [(killed, "database"), (hanging, "database"), (killed, "redis"), (hanging, "redis"), (both, "")]


def named(one: object) -> str:
    return str(getattr(one, "__name__", one))


@pytest.mark.parametrize(("away", "victim"), AWAY[4:], ids=named)
def test_callbacks_are_answered_without_what_is_behind_them(
    line: Line, away: Callable[[Line, str], object], victim: str
) -> None:
    outage(line, away, victim, 1.5)


@pytest.mark.long
@pytest.mark.parametrize(("away", "victim"), AWAY, ids=named)
def test_callbacks_are_answered_for_as_long_as_it_takes(
    line: Line, away: Callable[[Line, str], object], victim: str
) -> None:
    outage(line, away, victim, SECONDS)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
def test_a_full_disk_refuses_and_loses_nothing(line: Line) -> None:
    """Every file of the web processes has reached its limit: what cannot be kept is answered 503."""
    stream = Stream(line, SEED)
    stream.gather(2)
    stream.start(rate=8.0)
    time.sleep(0.5)
    family = _group(line.processes["web"].pid)
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in family}
    for pid in family:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[pid][1]))
    try:
        time.sleep(0.5)
        refused, answered = stream.failed, stream.answered
        line.wait(lambda: stream.failed >= refused + 5, 20, "callbacks to be refused")
        assert stream.answered == answered, "a callback was acknowledged that is on no disk"
        line.wait(lambda: "could not be written" in _spool(line), 10, "/readyz to say so")
    finally:
        for pid in family:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before[pid])
    answered = stream.answered
    line.wait(lambda: stream.answered >= answered + 5, 20, "callbacks to be taken again")
    stream.stop()
    line.settle(PATIENCE)
    check(line, stream, 0)


def _group(leader: int) -> list[int]:
    """The processes of a web server."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(path.name)) == leader:
                found.append(int(path.name))
    return found


def _spool(line: Line) -> str:
    return str(requests.get(f"{line.url}/readyz", timeout=10).json()["checks"]["spool"])


def test_a_web_server_that_stops_in_good_order_takes_its_leave(line: Line) -> None:
    Stream(line, SEED).gather(1)  # a host without a spool has nothing to tell
    line.wait(lambda: line.rows("SELECT name FROM host_spools"), 30, "the host to tell of its spool")
    line.kill("web", signal.SIGTERM)
    try:
        assert line.rows("SELECT name FROM host_spools") == []
    finally:
        line.start_web()
