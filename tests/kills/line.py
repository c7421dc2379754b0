"""The whole product on a database and a Redis of its own, so that every part of it can be killed."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pymysql
import redis
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from config.bundled import redis_server
from tests.conftest import missing
from tests.scenarios.product import BIN, Product, free_port

LIBRARY = """
version: 1
groups:
  - path: 地区
    family: {kind: location}
  - path: 次数
    tags:
      - {name: 一, rule: {kind: activity, windows: [{days: 30, at_least: 8}]}}
      - {name: 二, rule: {kind: activity, windows: [{days: 30, at_least: 16}]}}
      - {name: 三, rule: {kind: activity, windows: [{days: 30, at_least: 40}]}}
"""
VICTIMS = ("web", "worker", "clock", "redis", "flushall", "database")
WAITING = (
    "SELECT count(*) FROM inbox_messages WHERE state = 'new'",
    "SELECT count(*) FROM touched",
    "SELECT count(*) FROM lookups WHERE state = 'waiting' AND kind <> 'proof'",
    "SELECT count(*) FROM pushes WHERE state = 'waiting'",
)
LATE = {
    "message": "SELECT id, tries, next_try_at, claim, error FROM inbox_messages WHERE state = 'new'",
    "question": "SELECT id, tries, next_try_at, claimed_until, error FROM lookups WHERE state = 'waiting'",
    "push": "SELECT follow_user_id, tries, next_try_at, intent, error FROM pushes WHERE state = 'waiting'",
}


class Line(Product):
    """wxtag with two web processes and two workers, whose servers are ours to kill."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind = kind
        self.home = folder / "servers"
        self.home.mkdir()
        self.redis_socket = self.home / "redis.sock"
        self.mariadb_socket = self.home / "db.sock"
        url = f"sqlite:///{folder / 'wxtag.sqlite'}"
        if kind == "mariadb":
            url = f"mysql+pymysql://root:@localhost/wxtag?unix_socket={self.mariadb_socket}&charset=utf8mb4"
        super().__init__(folder, url, f"unix://{self.redis_socket}", workers=2)
        self.url_of_database = url
        self.engine: Engine = create_engine(url, pool_pre_ping=True)
        self.starting = 0.0
        """Seconds spent on waiting for what was started again: they belong to the machine."""
        self.redis = redis.Redis(unix_socket_path=str(self.redis_socket))

    def start(self) -> None:
        self.start_redis()
        self.make_database()
        self.start_database()
        self.library = self.folder / "library.yaml"
        self.library.write_text(LIBRARY, encoding="utf-8")
        super().start()

    def stop(self) -> None:
        super().stop()
        self.engine.dispose()

    # The parts

    def start_web(self) -> None:
        self.web_port = self.web_port or free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        words = ["--interface", "wsgi", "--factory", "--no-ws", "--host", "127.0.0.1", "--workers", "2"]
        words += ["--port", str(self.web_port), "--blocking-threads", "8", "--respawn-failed-workers"]
        words += ["--workers-kill-timeout", "10", "--log-level", "error", "wsgi:create_app"]
        self._popen("web", [str(BIN / "granian"), *words])
        self.wait(lambda: self._up(self.url + "/healthz"), 30, "the web server to be up")

    def start_redis(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self.redis_socket), "--dir", str(self.home)]
        options += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        self.redis_socket.unlink(missing_ok=True)
        self._popen("redis", [str(redis_server()), *options])
        self.wait(self._redis_up, 10, "Redis to be up")

    def make_database(self) -> None:
        if self.kind != "mariadb":
            return
        make = ["mariadb-install-db", "--no-defaults", f"--datadir={self.home / 'db'}", "--user=root"]
        try:
            subprocess.run(
                [*make, "--auth-root-authentication-method=normal", "--skip-test-db"],
                check=True,
                capture_output=True,
            )
        except FileNotFoundError:
            missing("mariadb-install-db")

    def start_database(self) -> None:
        if self.kind != "mariadb":
            return
        options = [f"--datadir={self.home / 'db'}", f"--socket={self.mariadb_socket}", "--skip-networking"]
        options += ["--user=root", f"--pid-file={self.home / 'db.pid'}", "--innodb-buffer-pool-size=64M"]
        options += ["--innodb-log-file-size=32M", "--character-set-server=utf8mb4"]
        self.mariadb_socket.unlink(missing_ok=True)
        self._popen("database", ["mariadbd", "--no-defaults", *options])
        self.wait(self._database_up, 30, "MariaDB to be up")

    def strike(self, victim: str) -> None:
        """Kills a part with -9; `flushall` empties Redis."""
        if victim == "flushall":
            self.redis.flushall()
        elif victim == "worker":
            for number in range(self.workers):
                self.kill(f"worker{number}")
        elif victim in self.processes:
            self.kill(victim)

    def mend(self, victim: str) -> None:
        """Starts what was killed again; comes back when it is up."""
        began = time.monotonic()
        if victim == "web":
            self.start_web()
        elif victim == "worker":
            for number in range(self.workers):
                self.spawn(f"worker{number}", "-m", "workers")
        elif victim == "clock":
            self.spawn("clock", "-m", "workers.clock")
        elif victim == "redis":
            self.start_redis()
        elif victim == "database":
            self.start_database()
        if victim in ("worker", "clock"):
            names = [f"worker{n}" for n in range(self.workers)] if victim == "worker" else ["clock"]
            self.wait(lambda: all(self.beats(name) for name in names), 30, f"{victim} to beat")
        self.starting += time.monotonic() - began

    def beats(self, name: str) -> bool:
        """Whether a process has said that it lives."""
        pid = self.processes[name].pid
        try:
            return bool(self.rows("SELECT 1 FROM processes WHERE pid = :pid", pid=pid))
        except OperationalError:
            return False

    def freeze(self, name: str) -> None:
        os.killpg(self.processes[name].pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        os.killpg(self.processes[name].pid, signal.SIGCONT)

    # What is there

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(query), values))

    def unfinished(self) -> list[int]:
        """How much waits: spool (bytes), inbox, customers to compute, questions, pushes."""
        spool = 0
        for path in (self.folder / "spool").glob("*.seg"):
            try:
                spool += path.stat().st_size
            except FileNotFoundError:
                continue
        return [spool, *(int(self.rows(query)[0][0]) for query in WAITING)]

    def settle(self, seconds: float) -> float:
        """Waits until all is worked off; how long it took."""
        began, found = time.monotonic(), [-1]
        while time.monotonic() - began < seconds:
            try:
                found = self.unfinished()
            except OperationalError:
                found = [-1]
            if not any(found):
                return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(
            f"still unfinished after {seconds:.1f} s (spool, inbox, touched, lookups, pushes): {found}\n"
            f"{self.late()}\n{self.told()}"
        )

    def prove(self) -> None:
        """Waits until what was sent when something died has been read back: 30 s after a lost answer."""
        self.wait(self._proven, 120, "what was pushed to be proven by reading")
        self.settle(30)

    def _proven(self) -> bool:
        waiting = self.rows("SELECT count(*) FROM lookups WHERE state = 'waiting'")
        return not waiting[0][0] and not any(self.unfinished())

    def late(self) -> str:
        """What waits, and for what."""
        now = time.time() * 1000
        found = [
            f"{what} {row}: tries {tries}, next in {(due - now) / 1000:.1f} s, held by {holder}, {error}"
            for what, query in LATE.items()
            for row, tries, due, holder, error in self.rows(query)
        ]
        leases = self.rows("SELECT name, holder, until FROM leases WHERE holder IS NOT NULL")
        return "\n".join([*found[:20], f"leases: {leases}", f"lives: {self.rows('SELECT * FROM processes')}"])

    def told(self) -> str:
        """What the parts said last, for whoever looks at a failure."""
        return "\n".join(
            f"--- {path.stem} ---\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def _redis_up(self) -> bool:
        try:
            return bool(self.redis.ping())
        except redis.RedisError:
            return False

    def _database_up(self) -> bool:
        try:
            connection = pymysql.connect(unix_socket=str(self.mariadb_socket), user="root")
        except pymysql.err.OperationalError:
            return False
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS wxtag CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        return True
