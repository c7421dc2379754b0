"""An installation of two companies: the whole web application, a platform that answers both, a guard."""

import contextvars
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from callbacks import doors
from config import Settings
from tests.apart import world
from tests.apart.guard import Guard
from tests.apart.platform import Wechat
from tests.apart.world import Side
from wsgi import create_app
from wxtag import clock, snapshot
from wxtag.app import core
from wxtag.database import writing
from wxtag.models import db


class Outside(FlaskClient):
    """Each request in a context of its own, as from another computer."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return contextvars.Context().run(lambda: FlaskClient.open(self, *args, **kwargs))


@pytest.fixture
def platform() -> Iterator[Wechat]:
    found = Wechat()
    yield found
    found.stop()


@pytest.fixture
def settings(settings: Settings, redis_url: str, platform: Wechat) -> Settings:
    Redis.from_url(redis_url).flushall()  # the one of this test process
    return replace(settings, redis_url=redis_url, wechat_api_url=platform.url, wecom_api_url=platform.url)


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[APIFlask]:
    """Everything that is served and every command, at a moment that stands still."""
    monkeypatch.setattr(clock, "now", lambda: world.NOW)
    application = create_app(settings)
    application.config[doors.MOVE] = False
    application.test_client_class = Outside
    with application.app_context():
        yield application
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def sides(app: APIFlask) -> tuple[Side, Side]:
    with writing() as session:
        found = world.found(session, 1), world.found(session, 2)
        for side in found:
            world.settle(session, side)
    with writing() as session:
        snapshot.refresh(session, core().settings, core().sealer)
    return found


@pytest.fixture
def guard(app: APIFlask, sides: tuple[Side, Side]) -> Iterator[Guard]:
    """Looks at every statement from now on."""
    found = Guard(db.engine)
    yield found
    found.stop()


@pytest.fixture
def ours_and_theirs(sides: tuple[Side, Side], database_url: str) -> tuple[Side, Side]:
    """Who acts, and who must notice nothing: one way round on SQLite, the other on MariaDB."""
    return sides if database_url.startswith("sqlite") else (sides[1], sides[0])
