"""A web application with doors only, whose database and Redis are down."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from callbacks import doors
from config import Settings
from tests.callbacks.playing import NOW, accounts
from tests.conftest import SECRET_KEY
from wxtag import clock, snapshot
from wxtag.app import create_core
from wxtag.mover import move_once
from wxtag.sealing import Sealer
from wxtag.spooling import SpoolRecord

DOWN = "mysql+pymysql://root:@127.0.0.1:1/nowhere?connect_timeout=1"


@pytest.fixture
def time_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's clock stands at NOW."""
    monkeypatch.setattr(clock, "now", lambda: NOW * 1000)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database_url=DOWN, redis_url="unix:///nowhere", secret_key=SECRET_KEY, data_dir=tmp_path)


def doors_of(settings: Settings, **changes: object) -> APIFlask:
    """The doors with a snapshot of the tests' accounts, and no mover, so that what is kept can be counted."""
    settings = replace(settings, **changes)  # type: ignore[arg-type]
    snapshot.write(settings, Sealer(settings.secret_key), accounts())
    app = create_core(settings)
    app.config[doors.MOVE] = False
    doors.register(app)
    return app


@pytest.fixture
def app(settings: Settings, time_stands: None) -> Iterator[APIFlask]:
    yield doors_of(settings)


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


def kept(app: APIFlask) -> list[SpoolRecord]:
    """What is on the disk, taken out."""
    records: list[SpoolRecord] = []
    with app.app_context():
        move_once(app.extensions["wxtag"], lambda batch: records.extend(r for _, r in batch) or 0)
    return records
