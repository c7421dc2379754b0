"""How fast the doors take callbacks in, beside a bare Flask that only says `success`, and the naive way."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from apiflask import APIFlask
from flask import Flask, request
from redis import Redis
from rq import Queue
from wechatpy.enterprise import parse_message
from wechatpy.enterprise.crypto import WeChatCrypto

from bench import load, places, traffic
from config import Settings
from config import load as load_settings
from wxtag import snapshot
from wxtag.app import core, create_core
from wxtag.companies import bind, make_company
from wxtag.database import writing
from wxtag.models import db

BARE, NAIVE, TAIL, SLOW_DISK = 0.45, 2.5, 6.0, 0.35
"""Of a bare Flask's rate, the naive way's, the bare one's p99; of its rate with each fsync 2 ms longer."""
ROUNDS = 5
SECONDS = 2.0
MESSAGES = 2000
ROOT = Path(__file__).resolve().parent.parent
CORP = traffic.ACCOUNTS["corp"]["corpid"]
REDIS = "BENCH_REDIS_URL"


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


def slow_disk() -> APIFlask:
    """The doors on a disk whose every fsync takes 2 ms more."""
    from wxtag import durable, spool

    def sync(descriptor: int) -> None:
        time.sleep(0.002)
        durable.sync(descriptor)

    spool.sync = sync
    return doors()


def naive() -> Flask:
    """The usual way: wechatpy opens the message, and an RQ job for each carries it away."""
    app = Flask("naive")
    crypto = WeChatCrypto(traffic.TOKEN, traffic.KEY, CORP)
    queue = Queue("bench", connection=Redis.from_url(os.environ[REDIS]))

    @app.post("/callbacks/wecom/<corpid>")
    def answer(corpid: str) -> str:
        given = request.args
        opened = crypto.decrypt_message(
            request.data, given["msg_signature"], given["timestamp"], given["nonce"]
        )
        queue.enqueue("bench.intake.nothing", parse_message(opened)._data)
        return "success"

    return app


def main() -> int:
    """Prints the rates of every round and the medians of the ratios; 1 when a target was missed."""
    names = ("bare", "doors", "spool_only", "slow_disk", "naive")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        redis_url = stack.enter_context(places.redis())
        for name in names:
            _prepare(Path(folder) / name)
        servers = {name: stack.enter_context(_served(name, Path(folder) / name, redis_url)) for name in names}
        requests, found = _requests(), []
        for server in servers.values():
            load.run(server.port, requests, 0.5)
            os.killpg(server.pid, signal.SIGSTOP)
        print("answers a second, and p99 in ms")
        print("round " + "".join(f"{name:>19}" for name in names))
        for turn in range(1, ROUNDS + 1):
            one = {name: _measured(server, requests, SECONDS) for name, server in servers.items()}
            found.append(one)
            row = "".join(f"{one[name].rate:>10.0f} {one[name].p99:>8.1f}" for name in names)
            print(f"{turn:>5} {row}", flush=True)

    def median(name: str, other: str, what: str = "rate") -> float:
        return statistics.median(getattr(one[name], what) / getattr(one[other], what) for one in found)

    print(f"without moving to the database: {median('spool_only', 'bare'):.2f} of a bare Flask")
    reached = [
        _told("of a bare Flask's rate", median("doors", "bare"), BARE),
        _told("of the naive way's rate", median("doors", "naive"), NAIVE),
        _told("of a bare Flask's rate, each fsync 2 ms longer", median("slow_disk", "bare"), SLOW_DISK),
        _told("of a bare Flask's p99", median("doors", "bare", "p99"), TAIL, at_most=True),
    ]
    return int(not all(reached))


def _told(what: str, ratio: float, target: float, at_most: bool = False) -> bool:
    reached = ratio <= target if at_most else ratio >= target
    bound = "at most" if at_most else "at least"
    print(f"median {ratio:.2f} {what}; target {bound} {target}: " + ("reached" if reached else "MISSED"))
    return reached


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
    document = traffic.documents()["corp"]
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
            "WXTAG_SECRET_KEY": places.SECRET,
        }
    )


class Server(NamedTuple):
    """A server that stands still while another one is measured."""

    pid: int
    port: int


@contextmanager
def _served(name: str, place: Path, redis_url: str) -> Iterator[Server]:
    """The factory of that name behind granian."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("WXTAG_")},
        "WXTAG_DATA_DIR": str(place),
        "WXTAG_DATABASE_URL": f"sqlite:///{place / 'wxtag.sqlite'}",
        "WXTAG_SECRET_KEY": places.SECRET,
        "WXTAG_REDIS_URL": redis_url,
        REDIS: redis_url,
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
    found, now = [], int(time.time())
    for number in range(MESSAGES):
        content = {
            "ToUserName": CORP,
            "FromUserName": "sys",
            "CreateTime": now,
            "MsgType": "event",
            "Event": "change_external_contact",
            "ChangeType": "add_external_contact",
            "UserID": "zhao",
            "ExternalUserID": f"wmBENCH{number:025d}",
            "State": "poster-042",
            "WelcomeCode": "WC-demo",
        }
        body, query = traffic.envelope(CORP, content, str(number), now)
        keep = ("msg_signature", "timestamp", "nonce")
        path = f"/callbacks/wecom/{CORP}?" + "&".join(f"{name}={query[name]}" for name in keep)
        found.append(load.post(path, body))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
