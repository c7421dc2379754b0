"""What tests of pages and API share: a client that comes from outside, keys, and a company with people."""

import contextvars
import json
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.town import Town, settle
from wxtag.apikeys import make_key
from wxtag.app import core
from wxtag.companies import make_company
from wxtag.database import writing
from wxtag.models import Company
from wxtag.web import pages


class Outside(FlaskClient):
    """Each request in a context of its own, as from another computer; JSON with a key in one word."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return contextvars.Context().run(lambda: FlaskClient.open(self, *args, **kwargs))

    def api(self, method: str, path: str, key: str | None, body: Any = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # In ASCII, so that a test can send what is no character at all.
        extra = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        return self.open("/api/v1" + path, method=method, headers=headers, **extra)


@pytest.fixture
def client(app: APIFlask) -> Outside:
    pages.register(app)
    app.test_client_class = Outside
    found = app.test_client()
    assert isinstance(found, Outside)
    return found


@pytest.fixture
def town(app: APIFlask, company: Company) -> Town:
    """The people of a company: Lin whom Zhao and Chen have as a contact, Wang whom Chen has, Mei of whom
    only an openid is known."""
    with writing() as session:
        return settle(session, company.id)


@pytest.fixture
def other_town(app: APIFlask) -> Town:
    """Another company with people of its own, who must never be seen."""
    with writing() as session:
        return settle(session, make_company(session, core().sealer, "别家").id, "x")


@pytest.fixture
def admin(town: Town) -> str:
    with writing() as session:
        return make_key(session, town.company_id, "admin")


@pytest.fixture
def zhao(town: Town) -> str:
    """A key of the role staff."""
    with writing() as session:
        return make_key(session, town.company_id, "staff", f"{town.corpid.upper()}/ZhaoMin")
