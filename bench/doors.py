"""How fast the doors take callbacks in, beside a bare Flask that only says `success`. Target: 0.38 of it."""

import base64
import hashlib
import os
import secrets
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from apiflask import APIFlask
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from flask import Flask

from bench import load
from config import Settings
from config import load as load_settings
from wxtag import snapshot
from wxtag.app import core, create_core
from wxtag.companies import bind, make_company
from wxtag.database import writing
from wxtag.models import db

TARGET = 0.38
ROUNDS = 5
SECONDS = 2.0
MESSAGES = 2000
ROOT = Path(__file__).resolve().parent.parent
CORP, TOKEN, KEY = "ww0bench000000001", "benchToken", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
SECRET = "a key for the benchmark alone, 32 characters"


def bare() -> Flask:
    """What nothing that is served by Flask can beat."""
    app = Flask("bare")

    @app.post("/callbacks/wecom/<corpid>")
    def answer(corpid: str) -> str:
        return "success"

    return app


def doors() -> APIFlask:
    """The doors as they are in production: verified, opened, on the disk, moved to the database behind."""
    from callbacks import doors

    app = create_core(load_settings())
    doors.register(app)
    return app


def spool_only() -> APIFlask:
    """The same without the mover: what the answer alone costs."""
    from callbacks import doors as the_doors

    app = doors()
    app.config[the_doors.MOVE] = False
    return app


def main() -> int:
    """Prints both rates of every round and the median of the ratios; 1 when the target was missed."""
    names = ("bare", "doors", "spool_only")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for name in names:
            _prepare(Path(folder) / name)
        servers = {name: stack.enter_context(_served(name, Path(folder) / name)) for name in names}
        requests, found = _requests(), []
        for server in servers.values():
            load.run(server.port, requests, 0.5)
            os.killpg(server.pid, signal.SIGSTOP)
        print("round      bare     doors  ratio  no mover  ratio   p99 in ms: bare, doors")
        for turn in range(1, ROUNDS + 1):
            one = {name: _measured(server, requests, SECONDS) for name, server in servers.items()}
            found.append(one)
            print(
                f"{turn:>5}  {one['bare'].rate:>8.0f}  {one['doors'].rate:>8.0f}  {_ratio(one, 'doors'):5.2f}"
                f"  {one['spool_only'].rate:>8.0f}  {_ratio(one, 'spool_only'):5.2f}"
                f"   {one['bare'].p99:.1f}, {one['doors'].p99:.1f}",
                flush=True,
            )
    rate = {name: statistics.median(one[name].rate for one in found) for name in names}
    ratio = {name: statistics.median(_ratio(one, name) for one in found) for name in names}
    print(
        f"doors {rate['doors']:.0f} req/s, bare Flask {rate['bare']:.0f} req/s, "
        f"median ratio {ratio['doors']:.2f} (without the mover {ratio['spool_only']:.2f}); target {TARGET}: "
        + ("reached" if ratio["doors"] >= TARGET else "MISSED")
    )
    return int(ratio["doors"] < TARGET)


def _ratio(found: dict[str, load.Measured], name: str) -> float:
    return found[name].rate / found["bare"].rate


def _measured(server: "Server", requests: list[bytes], seconds: float) -> load.Measured:
    """One stretch of load. The other servers stand still: a mover goes on working after the load ends."""
    os.killpg(server.pid, signal.SIGCONT)
    try:
        found = load.run(server.port, requests, seconds)
    finally:
        os.killpg(server.pid, signal.SIGSTOP)
    assert not found.wrong, f"{found.wrong} answers were not 200"
    return found


def _prepare(place: Path) -> None:
    """A database with the account in it, and the snapshot."""
    app = create_core(_settings(place))
    document = {"kind": "wecom", "corpid": CORP, "agentid": 1, "secret": "s", "token": TOKEN, "aes_key": KEY}
    with app.app_context():
        db.create_all()
        with writing() as session:
            bind(session, core().sealer, make_company(session, core().sealer), document)
            snapshot.refresh(session, core().settings, core().sealer)


def _settings(place: Path) -> Settings:
    return load_settings(
        {
            "WXTAG_DATA_DIR": str(place),
            "WXTAG_DATABASE_URL": f"sqlite:///{place / 'wxtag.sqlite'}",
            "WXTAG_SECRET_KEY": SECRET,
        }
    )


class Server(NamedTuple):
    """A server that stands still while another one is measured."""

    pid: int
    port: int


@contextmanager
def _served(name: str, place: Path) -> Iterator[Server]:
    """The factory of that name behind granian."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("WXTAG_")},
        "WXTAG_DATA_DIR": str(place),
        "WXTAG_DATABASE_URL": f"sqlite:///{place / 'wxtag.sqlite'}",
        "WXTAG_SECRET_KEY": SECRET,
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
    command += [
        "--blocking-threads",
        "16",
        "--log-level",
        "error",
        "--port",
        str(port),
        f"bench.doors:{name}",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, f"{name} did not start"
                time.sleep(0.05)
        yield Server(process.pid, port)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def _requests() -> list[bytes]:
    """Events of different customers, encrypted and signed like the platform's."""
    raw, found, now = base64.b64decode(KEY + "="), [], int(time.time())
    for number in range(MESSAGES):
        message = (
            f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
            f"<CreateTime>{now}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
            "<Event><![CDATA[change_external_contact]]></Event>"
            "<ChangeType><![CDATA[add_external_contact]]></ChangeType><UserID><![CDATA[zhao]]></UserID>"
            f"<ExternalUserID><![CDATA[wmBENCH{number:025d}]]></ExternalUserID>"
            "<State><![CDATA[poster-042]]></State><WelcomeCode><![CDATA[WC-demo]]></WelcomeCode></xml>"
        ).encode()
        full = secrets.token_bytes(16) + struct.pack(">I", len(message)) + message + CORP.encode()
        pad = 32 - len(full) % 32
        encryptor = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).encryptor()
        encrypted = base64.b64encode(encryptor.update(full + bytes([pad]) * pad)).decode()
        nonce = str(number)
        signature = hashlib.sha1("".join(sorted([TOKEN, str(now), nonce, encrypted])).encode()).hexdigest()
        path = f"/callbacks/wecom/{CORP}?msg_signature={signature}&timestamp={now}&nonce={nonce}"
        body = f"<ToUserName><![CDATA[{CORP}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        found.append(load.post(path, f"<xml>{body}</xml>".encode()))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
