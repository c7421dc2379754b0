"""One running product for each database in a test process, shared by its scenarios."""

import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from config.bundled import redis_server
from tests.conftest import MARIADB, missing
from tests.scenarios.product import Product


@pytest.fixture(scope="session")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("r")
    socket = folder / "r.sock"
    command = [str(redis_server()), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
    process = subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL)
    while not socket.exists():
        assert process.poll() is None
        time.sleep(0.02)
    yield f"unix://{socket}"
    process.kill()
    process.wait(10)


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def product(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, own_redis: str
) -> Iterator[Product]:
    """Everything running; each test uses people of its own."""
    folder = tmp_path_factory.mktemp("product")
    yield from running(folder, request.param, own_redis)


def running(folder: Path, kind: str, redis_url: str, **more: int) -> Iterator[Product]:
    url, drop = database(kind, folder)
    made = Product(folder, url, redis_url, **more)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        if drop:
            with pymysql.connect(**MARIADB) as connection, connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {drop}")


def database(kind: str, folder: Path) -> tuple[str, str]:
    """The URL of an empty database, and its name where it must be dropped."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'wxtag.sqlite'}", ""
    name = f"wxtag_scenario_{uuid.uuid4().hex[:10]}"
    try:
        connection = pymysql.connect(**MARIADB, connect_timeout=3)
    except pymysql.err.OperationalError:
        missing("MariaDB on 127.0.0.1:3306")
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    return f"mysql+pymysql://root:@127.0.0.1:3306/{name}?charset=utf8mb4", name
