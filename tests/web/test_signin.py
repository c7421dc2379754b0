"""Signing in: the one-time link, the form, sessions that end, and forms that nobody else can send."""

import re
from dataclasses import replace

import pytest
import time_machine
from redis import Redis
from sqlalchemy import func, select

from tests.web.conftest import Outside
from tests.web.town import ONE_DATABASE
from wxtag import texts
from wxtag.app import create_core
from wxtag.database import writing
from wxtag.models import SetupLink, User, db
from wxtag.setup_links import make_setup_link
from wxtag.web import pages

PASSWORD = "correct horse"


@pytest.fixture
def settings(settings, redis_url):
    Redis.from_url(redis_url).flushall()
    return replace(settings, redis_url=redis_url)


@pytest.fixture
def link(client, company):
    with writing() as session:
        return f"/setup/{make_setup_link(session, company.id)}"


def send(client, path, **fields):
    """Fills in the form of a page, with the token that the page carries."""
    page = client.get("/login" if path == "/logout" else path)
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    form = {"csrf": found.group(1) if found else "", **fields}
    return client.post(path, data=form)


def set_up(client, link, name="李管理", password=PASSWORD, again=None):
    return send(client, link, name=name, password=password, again=again or password)


def test_the_link_makes_one_admin_and_signs_in(client, link):
    answer = set_up(client, link)
    assert (answer.status_code, answer.location) == (302, "/")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert client.get("/").status_code == 200
    user = db.session.scalars(select(User)).one()
    assert (user.name, user.role) == ("李管理", "admin")
    assert PASSWORD not in user.password and user.password.startswith("scrypt:")
    assert client.get(link).status_code == 404
    assert set_up(client, link, "另一位").status_code == 404
    assert db.session.scalar(select(func.count(User.id))) == 1


@ONE_DATABASE
def test_the_link_ends_after_a_day(client, link):
    hashed = db.session.scalars(select(SetupLink.hash)).one()
    assert hashed not in link
    with time_machine.travel("2099-01-01"):
        assert client.get(link).status_code == 404
        assert set_up(client, link).status_code == 404


@ONE_DATABASE
@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"password": "too short"}, texts.PASSWORD_SHORT),
        ({"again": "something else"}, texts.PASSWORDS_DIFFER),
        ({"name": " "}, texts.NAME_LENGTH),
    ],
)
def test_what_is_wrong_in_the_form_is_said_and_the_link_stays(client, link, fields, fault):
    answer = set_up(client, link, **fields)
    assert answer.status_code == 400 and fault in answer.text
    assert set_up(client, link).status_code == 302


@ONE_DATABASE
def test_a_form_from_elsewhere_is_refused(client, link):
    assert (
        client.post(link, data={"name": "李管理", "password": PASSWORD, "again": PASSWORD}).status_code == 400
    )
    set_up(client, link)
    assert client.post("/logout").status_code == 400
    assert client.get("/").status_code == 200


def test_signing_in_and_out(client, link):
    set_up(client, link)
    visitor = client.application.test_client()
    assert visitor.get("/").location == "/login"
    assert visitor.get("/status").status_code == 403
    assert send(visitor, "/login", name="李管理", password="wrong one!").status_code == 403
    assert send(visitor, "/login", name="nobody", password=PASSWORD).status_code == 403
    assert send(visitor, "/login", name="李管理", password=PASSWORD).location == "/"
    page = visitor.get("/").text
    token = re.search(r'name="csrf" value="([^"]+)"', page).group(1)
    assert visitor.post("/logout", data={"csrf": token}).location == "/login"
    assert visitor.get("/").location == "/login"


@ONE_DATABASE
def test_guessing_is_stopped(client, link):
    set_up(client, link)
    visitor = client.application.test_client()
    for _ in range(10):
        assert send(visitor, "/login", name="李管理", password="wrong one!").status_code == 403
    assert send(visitor, "/login", name="李管理", password=PASSWORD).status_code == 429


@ONE_DATABASE
def test_a_changed_password_ends_sessions(client, link):
    set_up(client, link)
    with writing() as session:
        session.scalars(select(User)).one().password = "scrypt:other"
    assert client.get("/").location == "/login"


def test_a_name_stands_for_one_person(client, link, company):
    set_up(client, link)
    with writing() as session:
        second = f"/setup/{make_setup_link(session, company.id)}"
    visitor = client.application.test_client()
    assert texts.NAME_TAKEN in set_up(visitor, second).text


@ONE_DATABASE
def test_over_https_the_cookie_stays_there(settings, company):
    app = create_core(replace(settings, public_url="https://tags.example.com"))
    pages.register(app)
    app.test_client_class = Outside
    assert "Secure" in app.test_client().get("/login").headers["Set-Cookie"]
