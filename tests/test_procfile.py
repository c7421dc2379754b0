"""Each line of the Procfile runs as it stands: it comes up, does its part, and leaves in order when told."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

ROOT = Path(__file__).resolve().parent.parent
LINES = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
SERVED_IN = 30.0


@pytest.fixture
def environ(sqlite_template: Path, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """What an operator sets: a database with the schema, a Redis, a key."""
    database = tmp_path / "wxtag.sqlite"
    database.write_bytes(sqlite_template.read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plain = {name: text for name, text in os.environ.items() if not name.startswith(("WXTAG_", "PYTEST_"))}
    return plain | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "WXTAG_DATABASE_URL": f"sqlite:///{database}",
        "WXTAG_REDIS_URL": redis_url,
        "WXTAG_SECRET_KEY": "a key of an operator, long enough",
        "WXTAG_DATA_DIR": str(tmp_path / "data"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
    }


@pytest.fixture
def run(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> "subprocess.Popen[bytes]":
        with (tmp_path / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["sh", "-c", f"exec {LINES[name]}"],
                cwd=ROOT,
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SERVED_IN
    while not ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_lines_are_the_three_kinds_of_process() -> None:
    assert set(LINES) == {"web", "worker", "clock"}


def test_web(
    run: Callable[[str], "subprocess.Popen[bytes]"], environ: dict[str, str], tmp_path: Path
) -> None:
    process = run("web")
    base = f"http://127.0.0.1:{environ['PORT']}"
    until(lambda: answers(f"{base}/healthz"), process, tmp_path / "web.log")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{base}/callbacks/wecom/ww0000000000000000?msg_signature=x", timeout=10)
    assert 400 <= refused.value.code < 500
    log = tmp_path / "web.log"
    until(lambda: log.read_text().count("Started worker") == 2, process, log)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("name", ["worker", "clock"])
def test_worker_and_clock(
    run: Callable[[str], "subprocess.Popen[bytes]"], redis_url: str, tmp_path: Path, name: str
) -> None:
    redis = Redis.from_url(redis_url)
    redis.flushall()
    process = run(name)
    until(lambda: bool(redis.keys("*")), process, tmp_path / f"{name}.log")
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    text = (tmp_path / f"{name}.log").read_text()
    assert "Traceback" not in text, text
