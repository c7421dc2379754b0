"""The doors behind the production web server, over real HTTP, with the database and Redis down."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from config import Settings
from tests.callbacks.conftest import DOWN
from tests.callbacks.playing import CORP, OA_PLAIN, accounts, corp_event, encrypt, fan_event, query, wrapped
from tests.conftest import SECRET_KEY
from wxtag import snapshot
from wxtag.app import Core
from wxtag.mover import move_once
from wxtag.sealing import Sealer
from wxtag.spooling import SpoolRecord

ROOT = Path(__file__).resolve().parents[2]
FACTORY = """
from wxtag.app import create_core
from config import load
from callbacks import doors

def create():
    app = create_core(load())
    doors.register(app)
    return app
"""


class Server(NamedTuple):
    """The running doors."""

    process: "subprocess.Popen[bytes]"
    port: int
    settings: Settings

    def post(self, path: str, asked: dict[str, str], body: bytes, **more: object) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", f"/callbacks/{path}?{urlencode(asked)}", body, **more)  # type: ignore[arg-type]
        answer = connection.getresponse()
        return answer.status, answer.read()

    def kept_after_kill(self) -> list[SpoolRecord]:
        """Ends all its processes at once, and takes out what is on the disk."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        records: list[SpoolRecord] = []
        core = Core(self.settings)
        deadline = time.monotonic() + 5
        while list((self.settings.data_dir / "spool").glob("*.seg")) and time.monotonic() < deadline:
            move_once(core, lambda batch: records.extend(record for _, record in batch) or 0)
        return records


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    settings = Settings(
        database_url=DOWN, redis_url="unix:///nowhere", secret_key=SECRET_KEY, data_dir=tmp_path / "data"
    )
    snapshot.write(settings, Sealer(SECRET_KEY), accounts())
    (tmp_path / "doors_for_test.py").write_text(FACTORY)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WXTAG_")} | {
        "WXTAG_DATABASE_URL": DOWN,
        "WXTAG_REDIS_URL": "unix:///nowhere",
        "WXTAG_SECRET_KEY": SECRET_KEY,
        "WXTAG_DATA_DIR": str(settings.data_dir),
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--factory",
        "--no-ws",
        "--workers",
        "2",
    ]
    command += ["--blocking-threads", "8", "--port", str(port), "doors_for_test:create"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
    yield Server(process, port, settings)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def now() -> int:
    return int(time.time())


def event(number: int) -> tuple[dict[str, str], bytes]:
    sent = encrypt(corp_event(ExternalUserID=f"wm{number}"), CORP)
    return query(sent, at=now(), nonce=str(number)), wrapped(sent)


def too_large(server: Server, asked: dict[str, str], body: Callable[[], Any], **more: bool) -> int:
    """The answer is given before the body is read; writing on, a client may fail before it sees it."""
    for _ in range(20):
        try:
            return server.post(f"official-account/{OA_PLAIN}", asked, body(), **more)[0]
        except (BrokenPipeError, ConnectionResetError):
            continue
    raise AssertionError("the connection broke each time")


def test_real_requests(server: Server) -> None:
    asked, body = event(0)
    assert server.post(f"wecom/{CORP}", asked, body) == (200, b"")
    plain = query(at=now())
    assert server.post(f"official-account/{OA_PLAIN}", plain, fan_event()) == (200, b"success")
    chunked = iter([fan_event()[:50], fan_event()[50:]])
    again = server.post(f"official-account/{OA_PLAIN}", plain, chunked, encode_chunked=True)  # type: ignore[arg-type]
    assert again == (200, b"success")
    huge = fan_event(Content="x" * 1024 * 1024)
    assert too_large(server, plain, lambda: huge) == 413
    assert too_large(server, plain, lambda: iter([huge]), encode_chunked=True) == 413
    with socket.create_connection(("127.0.0.1", server.port)) as cut:
        head = f"POST /callbacks/wecom/{CORP}?{urlencode(asked)} HTTP/1.1\r\nHost: x\r\n"
        cut.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:100])
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        head = f"POST /callbacks/wecom/{CORP}?nonce=\x80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        raw.sendall(head.encode("latin-1"))
        assert raw.recv(100).split()[1] == b"400"
    kept = server.kept_after_kill()
    assert sorted(record.body for record in kept) == sorted([body, fan_event(), fan_event()])


def test_kill_in_the_middle_loses_nothing_that_was_answered(server: Server) -> None:
    answered: list[bytes] = []

    def send(name: int) -> None:
        for number in range(10_000):
            asked, body = event(name * 10_000 + number)
            try:
                if server.post(f"wecom/{CORP}", asked, body)[0] == 200:
                    answered.append(body)
            except (OSError, http.client.HTTPException):
                return

    threads = [threading.Thread(target=send, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(answered) < 150 and time.monotonic() < deadline:
        time.sleep(0.01)
    kept = {record.body for record in server.kept_after_kill()}
    for thread in threads:
        thread.join()
    assert len(answered) >= 150 and set(answered) <= kept
