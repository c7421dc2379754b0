"""The web server as its line in Procfile starts it, and sockets that say to it what no client says."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from config import Settings
from tests.callbacks.playing import accounts
from tests.conftest import SECRET_KEY
from wxtag import companies, snapshot
from wxtag.app import Core, core, create_core
from wxtag.database import reading, writing
from wxtag.models import db
from wxtag.mover import move_once
from wxtag.spooling import SpoolRecord

ROOT = Path(__file__).resolve().parents[2]


class Served(NamedTuple):
    """A running web server whose accounts are the tests'."""

    process: "subprocess.Popen[bytes]"
    port: int
    settings: Settings
    log: Path

    def connect(self, seconds: float = 10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    def say(self, *pieces: bytes, seconds: float = 10) -> bytes:
        """Sends these bytes, and all that comes back until the server hangs up or falls silent."""
        with self.connect(seconds) as connection:
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    break  # it has answered and hung up before the end
            return heard(connection)

    def status(self, *pieces: bytes) -> int:
        """The status of the first answer; 0 when it hung up without one."""
        return status_of(self.say(*pieces))

    def alive(self) -> bool:
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        return self.status(head) == 200

    def kept(self) -> list[SpoolRecord]:
        """What lies in its spool, taken out; the server must have ended."""
        records: list[SpoolRecord] = []
        deadline = time.monotonic() + 5
        while list((self.settings.data_dir / "spool").glob("*.seg")) and time.monotonic() < deadline:
            move_once(Core(self.settings), lambda batch: records.extend(r for _, r in batch) or 0)
        return records

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def memory(self) -> int:
        """Resident bytes of all its processes."""
        pages = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(folder.name)) == self.process.pid:
                    pages += int((folder / "statm").read_text().split()[1])
            except (OSError, ValueError):
                continue
        return pages * os.sysconf("SC_PAGE_SIZE")


def heard(connection: socket.socket) -> bytes:
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except OSError:
        pass
    return found


def status_of(answer: bytes) -> int:
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else 0


def bind_all(settings: Settings) -> None:
    """The tests' accounts, in the database and in the doors' snapshot."""
    with create_core(settings).app_context():
        with writing() as session:
            company = companies.make_company(session, core().sealer)
            for one in accounts():
                of_kind = {
                    "wecom": {"corpid": one.appid, "agentid": one.agentid},
                    "official_account": {"appid": one.appid, "mode": one.mode},
                    "mini_program": {"appid": one.appid, "mode": one.mode, "format": one.format},
                }[one.kind]
                letters = "".join(letter for letter in one.aes_key if letter.isalnum())
                keys = {
                    "secret": one.secret,
                    "token": one.token,
                    "aes_key": letters and letters.ljust(43, "x"),
                }
                companies.bind(session, core().sealer, company, {"kind": one.kind, **of_kind, **keys})
        with reading() as session:
            snapshot.refresh(session, settings, core().sealer)
        db.session.remove()
        db.engine.dispose()


@contextmanager
def serving(folder: Path, database: Path, **environment: str) -> Iterator[Served]:
    """Starts it on a free port; `database` is a SQLite file with the schema, which is copied."""
    data = folder / "data"
    data.mkdir()
    shutil.copy(database, data / "wxtag.sqlite")
    url = f"sqlite:///{data / 'wxtag.sqlite'}"
    settings = Settings(database_url=url, redis_url="unix:///nowhere", secret_key=SECRET_KEY, data_dir=data)
    bind_all(settings)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WXTAG_")}
    line = next(
        line.removeprefix("web: ")
        for line in (ROOT / "Procfile").read_text().splitlines()
        if line.startswith("web: ")
    )
    log = folder / "web.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {line}"],
            cwd=ROOT,
            env=inherited
            | {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PORT": str(port),
                "WXTAG_DATABASE_URL": url,
                "WXTAG_REDIS_URL": "unix:///nowhere",
                "WXTAG_SECRET_KEY": SECRET_KEY,
                "WXTAG_DATA_DIR": str(data),
            }
            | environment,
            start_new_session=True,
            stdout=out,
            stderr=out,
        )
    served = Served(process, port, settings, log)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                if served.alive():
                    break
            except OSError:
                pass
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield served
    finally:
        served.end()
