"""What tests share: a database of each kind, a Redis of their own, the core and a company in it."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
from apiflask import APIFlask
from sqlalchemy import Engine, text

from config import Settings
from wxtag.app import core, create_core
from wxtag.companies import make_company
from wxtag.database import writing
from wxtag.models import Base, Company, db

CI = os.environ.get("CI") == "true"
SECRET_KEY = "a test key that is long enough to be taken"
MARIADB = {"host": "127.0.0.1", "port": 3306, "user": "root", "password": ""}


def missing(what: str) -> None:
    """Skips on a laptop, and says what is missing; fails in CI."""
    if CI:
        pytest.fail(f"{what} is missing, and CI=true")
    pytest.skip(f"{what} is missing on this machine")


BOTH = ("test_inbox", "test_identity", "test_relations", "test_claims", "test_migrations", "test_kills")
LINE = "test_a_customer_of_three_surfaces_gets_the_tag_on_the_one_customer"
"""What says most about databases runs on both in `make test`."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """The MariaDB half of most tests is for `make test-databases` and CI: `make test` has 5 minutes."""
    file = item.nodeid.split("::")[0]
    if "[mariadb" not in item.name and "-mariadb" not in item.name:
        return
    if Path(file).stem in BOTH or item.name.startswith(LINE):
        return
    processes = "/scenarios/" in file and not file.endswith("test_the_line.py")
    if not processes and "/kills/" not in file and item.get_closest_marker("long") is None:
        item.add_marker(pytest.mark.databases)
    item.add_marker(pytest.mark.long)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first."""
    items.sort(key=lambda item: "/scenarios/" not in item.nodeid)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The URL of an empty MariaDB database with the schema, for this test process."""
    name = f"wxtag_test_{uuid.uuid4().hex[:12]}"
    try:
        connection = pymysql.connect(**MARIADB, connect_timeout=3)
    except pymysql.err.OperationalError:
        missing("MariaDB on 127.0.0.1:3306")
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    url = f"mysql+pymysql://root:@127.0.0.1:3306/{name}?charset=utf8mb4"
    app = create_core(Settings(database_url=url, secret_key=SECRET_KEY, data_dir=Path("/tmp") / name))
    with app.app_context():
        db.create_all()
    yield url
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")
    connection.close()
    shutil.rmtree(Path("/tmp") / name, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema; each test gets a copy."""
    folder = tmp_path_factory.mktemp("template")
    app = create_core(
        Settings(database_url=f"sqlite:///{folder / 'db'}", secret_key=SECRET_KEY, data_dir=folder)
    )
    with app.app_context():
        db.create_all()
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        db.session.remove()
        db.engine.dispose()
    return folder / "db"


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind. A test that needs only one overrides the parameter."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "wxtag.sqlite")
        yield f"sqlite:///{tmp_path / 'wxtag.sqlite'}"
        return
    url = request.getfixturevalue("mariadb")
    yield url
    app = create_core(Settings(database_url=url, secret_key=SECRET_KEY, data_dir=tmp_path))
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("SET FOREIGN_KEY_CHECKS=0"))
        for table in Base.metadata.sorted_tables:
            connection.execute(text(f"DELETE FROM `{table.name}`"))
        connection.execute(text("SET FOREIGN_KEY_CHECKS=1"))
    db_engine_of(app).dispose()


def db_engine_of(app: APIFlask) -> Engine:
    with app.app_context():
        return db.engine


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of this test process, which dies with it."""
    from config.bundled import redis_server

    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "redis.sock"
    process = subprocess.Popen(
        [str(redis_server()), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    while not socket.exists():
        assert process.poll() is None and time.monotonic() < deadline, "the test Redis did not start"
        time.sleep(0.01)
    yield f"unix://{socket}"
    process.terminate()
    process.wait(10)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url, secret_key=SECRET_KEY, data_dir=tmp_path, redis_url="unix:///nowhere"
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[APIFlask]:
    """The core, inside an application context."""
    application = create_core(settings)
    with application.app_context():
        yield application
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def company(app: APIFlask) -> Company:
    with writing() as session:
        return make_company(session, core().sealer, "小满茶铺")
