"""Databases for the benchmarks: an empty one of each kind that this machine has, gone afterwards."""

import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
from apiflask import APIFlask

from config import load
from config.bundled import redis_command, redis_socket
from wxtag.app import create_core
from wxtag.models import db

SECRET = "a key for the benchmark alone, 32 characters"
MARIADB = {"host": "127.0.0.1", "port": 3306, "user": "root", "password": ""}
KINDS = ("sqlite", "mariadb")


def available(kind: str) -> bool:
    """Whether this machine has it; says so when not, and fails in CI."""
    if kind == "sqlite":
        return True
    try:
        pymysql.connect(**MARIADB, connect_timeout=3).close()
    except pymysql.err.OperationalError:
        if os.environ.get("CI") == "true":
            raise
        print("no MariaDB on 127.0.0.1:3306: its half is left out")
        return False
    return True


@contextmanager
def core_on(kind: str, redis_url: str = "unix:///nowhere") -> Iterator[APIFlask]:
    """The core on an empty database of this kind, inside an application context."""
    with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as url:
        environment = {
            "WXTAG_DATA_DIR": folder,
            "WXTAG_DATABASE_URL": url,
            "WXTAG_REDIS_URL": redis_url,
            "WXTAG_SECRET_KEY": SECRET,
        }
        app = create_core(load(environment))
        with app.app_context():
            db.create_all()
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database without any table."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'wxtag.sqlite'}"
        return
    name = f"wxtag_bench_{uuid.uuid4().hex[:12]}"
    _say(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    try:
        yield f"mysql+pymysql://root:@127.0.0.1:3306/{name}?charset=utf8mb4"
    finally:
        _say(f"DROP DATABASE {name}")


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis of its own that keeps what it is told, as in production."""
    with tempfile.TemporaryDirectory() as folder:
        command = redis_command(Path(folder))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        socket, deadline = redis_socket(Path(folder)), time.monotonic() + 10
        try:
            while not socket.exists():
                assert process.poll() is None and time.monotonic() < deadline, "Redis did not start"
                time.sleep(0.01)
            yield f"unix://{socket}"
        finally:
            process.kill()
            process.wait(10)


def _say(statement: str) -> None:
    with pymysql.connect(**MARIADB) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
