"""What is no call of the API: pages, doors, addresses for people's devices, and what an operator reads."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.apart import world
from tests.apart.conftest import Outside
from tests.apart.guard import Guard
from tests.apart.platform import Wechat
from tests.apart.world import CORP, ONE_DATABASE, PASSWORD, Side, differing, rows_of
from tests.callbacks import playing
from wxtag.app import core
from wxtag.database import writing
from wxtag.models import User, db
from wxtag.mover import move_once
from wxtag.spooling import SpoolRecord
from wxtag.web.miniapp import tokens

pytestmark = ONE_DATABASE
Sides = tuple[Side, Side]


def browser(app: APIFlask) -> FlaskClient:
    found = app.test_client()
    assert isinstance(found, Outside)
    return found


def fill_in(client: FlaskClient, page: str, to: str, **fields: str) -> TestResponse:
    """Sends a form with the token that the page carries."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(page).text)
    assert found is not None
    return client.post(to, data={"csrf": found.group(1), **fields})


def spooled() -> Iterator[tuple[SpoolRecord, Any]]:
    """What the doors kept, taken out of the spool."""
    records: list[SpoolRecord] = []
    move_once(core(), lambda batch: records.extend(one for _, one in batch) or len(batch))
    for record in records:
        yield record, record.body


@pytest.fixture
def signed_in(app: APIFlask, sides: Sides) -> list[FlaskClient]:
    """A browser of each company's admin."""
    from werkzeug.security import generate_password_hash

    password = generate_password_hash(PASSWORD, "pbkdf2:sha256:1")
    with writing() as session:
        session.query(User).update({User.password: password})
    clients = []
    for side in sides:
        client = browser(app)
        entered = fill_in(client, "/login", "/login", name=side.admin, password=PASSWORD)
        assert entered.status_code == 302, entered.text
        clients.append(client)
    return clients


def test_the_console_shows_the_company_of_who_is_signed_in(
    ours_and_theirs: Sides, signed_in: list[FlaskClient], guard: Guard
) -> None:
    own, other = ours_and_theirs
    guard.acting = own.company
    for path in ("/", "/status"):
        page = signed_in[own.number - 1].get(path)
        assert page.status_code == 200
        assert own.mark in page.text and other.mark not in page.text
    assert guard.faults == {}, guard.told()


def test_the_console_is_the_same_whether_another_company_is_there_or_not(app: APIFlask) -> None:
    from wxtag import overview

    with writing() as session:
        own = world.found(session, 1)
        world.settle(session, own)

    def everything() -> str:
        db.session.rollback()
        seen = (overview.bindings, overview.waiting, overview.failures, overview.ignored, overview.last_tags)
        return str([one(db.session(), own.company) for one in seen])

    alone = everything()
    with writing() as session:
        world.settle(session, world.found(session, 2))
    assert everything() == alone


def test_an_admin_made_by_a_link_is_one_of_its_company(app: APIFlask, sides: Sides, guard: Guard) -> None:
    own, other = sides
    before = rows_of(db.session(), other.company)
    client = browser(app)
    fields = {"name": "新管理", "password": PASSWORD, "again": PASSWORD}
    path = f"/setup/{own.setup}"
    assert fill_in(client, path, path, **fields).status_code == 302
    page = client.get("/")
    assert own.mark in page.text and other.mark not in page.text
    again = browser(app)
    assert fill_in(again, "/login", "/login", name="新管理", password=PASSWORD).status_code == 302
    assert other.mark not in again.get("/").text
    # Their name is taken in the whole installation, and the link for the other company stays usable.
    path = f"/setup/{other.setup}"
    assert fill_in(browser(app), path, path, **fields).status_code == 400
    user = db.session.query(User).filter_by(name="新管理").one()
    assert user.company_id == own.company
    assert differing(before, rows_of(db.session(), other.company)) == {}
    assert guard.faults == {}, guard.told()


def test_a_console_session_is_no_key_of_the_api_and_a_key_no_session(
    sides: Sides, signed_in: list[FlaskClient]
) -> None:
    assert signed_in[0].get("/api/v1/customers").status_code == 401
    key = {"Authorization": f"Bearer {sides[1].keys['admin']}"}
    assert sides[1].mark not in signed_in[0].get("/", headers=key).text


def test_what_an_operator_reads_names_nobody(app: APIFlask, sides: Sides, guard: Guard) -> None:
    client = browser(app)
    for path in ("/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/docs", "/static/style.css"):
        answer = client.get(path)
        assert answer.status_code in (200, 404, 503), path
        for side in sides:
            named = (side.mark, side.name, side.oa, side.corp, side.mini, CORP)
            assert not [one for one in named if one in answer.text], path
    assert guard.faults == {}, guard.told()


def test_a_person_in_a_mini_program_is_one_of_its_company(app: APIFlask, sides: Sides) -> None:
    own, other = sides
    client = browser(app)
    answer = client.post(f"/mini/{own.mini}/login", json={"code": "lin"})
    assert answer.status_code == 200, answer.text
    token = {"Authorization": f"Bearer {answer.json['token']}"}
    reports = {"events": [{"kind": "page", "path": "/menu"}]}
    for side, status in ((own, 200), (other, 401)):
        assert client.post(f"/mini/{side.mini}/events", json=reports, headers=token).status_code == status
        assert (
            client.post(f"/mini/{side.mini}/phone", json={"code": "c"}, headers=token).status_code == status
        )
    kept = list(spooled())
    assert len(kept) == 3
    assert {(record.company_id, record.account_id) for record, _ in kept} == {
        (own.company, own.accounts["mini"])
    }
    assert tokens.openid_of(answer.json["token"], other.mini) is None


def test_a_visitor_is_one_of_the_company_whose_account_they_came_by(app: APIFlask, sides: Sides) -> None:
    own, other = sides
    client = browser(app)
    begun = client.get(f"/oauth/{own.oa}/start")
    state = re.search(r"state=([0-9a-f]+)", begun.headers["Location"])
    assert state is not None
    came = {"code": "c", "state": state.group(1)}
    assert client.get(f"/oauth/{other.oa}/back", query_string=came).status_code == 400
    assert client.get(f"/oauth/{own.oa}/back", query_string=came).status_code == 302
    assert [(one.company_id, one.account_id) for one, _ in spooled()] == [(own.company, own.accounts["oa"])]


def test_a_callback_belongs_to_the_company_whose_key_signed_it(
    app: APIFlask, sides: Sides, platform: Wechat
) -> None:
    client = browser(app)
    for side in sides:
        stranger = sides[2 - side.number]
        for path, name, receiver in (
            (f"wecom/{CORP}", "shared", CORP),
            (f"wecom/{CORP}/{side.number}", "shared", CORP),
            (f"wecom/{side.corp}", "corp", side.corp),
            (f"official-account/{side.oa}", "oa", side.oa),
            (f"mini-program/{side.mini}", "mini", side.mini),
        ):
            encrypted = playing.encrypt(playing.corp_event(ToUserName=receiver), receiver)
            for signer, status in ((side, 200), (stranger, 403)):
                query = playing.query(encrypted, token=f"Token{signer.number}")
                if status == 403 and path == f"wecom/{CORP}":
                    continue  # both companies' address: whose it is, is for the signature to say
                answer = client.post(
                    f"/callbacks/{path}", data=playing.wrapped(encrypted, receiver), query_string=query
                )
                assert answer.status_code == status, (path, answer.text)
            kept = [(record.company_id, record.account_id) for record, _ in spooled()]
            assert kept == [(side.company, side.accounts[name])], path
    assert json.dumps(platform.calls()) == "[]"
