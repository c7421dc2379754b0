"""Every error of the API has one shape, whatever went wrong."""

import json

import pytest
from sqlalchemy.exc import OperationalError

from tests.web.town import ONE_DATABASE
from wxtag import customers


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message", "fields"}
    assert answer.json["error"]["message"]
    return answer.json["error"]


@ONE_DATABASE
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/customers/99999999", None, 404),
        ("GET", "/customers/99999999999999999999999", None, 404),
        ("PATCH", "/customers", None, 405),
        ("GET", "/customers?colour=red", None, 422),
        ("GET", "/customers?limit=0", None, 422),
        ("GET", "/customers?limit=many", None, 422),
        ("GET", "/customers?identity=nonsense", None, 422),
        ("GET", "/customers?q=%00", None, 422),
        ("GET", "/customers/{lin}/events?cursor=...", None, 422),
        ("PUT", "/customers/{lin}/tags/99999999", None, 404),
        ("PUT", "/customers/{lin}/tags/{tag}", {"corpid": "ww1"}, 422),
        ("PUT", "/customers/{lin}/tags/{tag}", {"corpid": "ww1", "userid": "nobody"}, 404),
        ("POST", "/customers/{lin}/merge", {"other": "7"}, 422),
        ("POST", "/customers/{lin}/merge", {"other": True}, 422),
        ("POST", "/customers/{lin}/split", {"merge": 99999999}, 404),
        ("POST", "/conflicts/99999999", {"decision": "same"}, 404),
        ("POST", "/conflicts/1", {"decision": "perhaps"}, 422),
        ("POST", "/events", {"events": []}, 422),
        ("POST", "/tags", {"group_id": 99999999, "name": "新"}, 404),
        ("POST", "/tag-groups", {"path": "一/二/三"}, 422),
        ("POST", "/tags/preview", {"rule": {"kind": "locaton"}}, 422),
        ("DELETE", "/tags/99999999", None, 404),
    ],
)
def test_what_is_wrong_is_said_in_one_shape(client, town, admin, method, path, body, status):
    path = path.format(lin=town.lin, tag=town.tag_id)
    error = error_of(client.api(method, path, admin, body), status)
    if status == 422:
        assert error["fields"] or len(error["message"]) > 20


@ONE_DATABASE
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"other": 1' + b"0" * 5000 + b"}", b"null", b"NaN"],
    ids=["empty", "cut", "no utf-8", "deep", "long number", "null", "NaN"],
)
def test_a_body_that_is_no_json_object_is_refused(client, town, admin, body):
    answer = client.open(
        f"/api/v1/customers/{town.lin}/merge",
        method="POST",
        data=body,
        headers={"Authorization": f"Bearer {admin}"},
    )
    assert answer.status_code in (400, 422)
    error_of(answer, answer.status_code)


def test_text_that_no_database_can_hold_is_refused(client, town, admin):
    for text in ("\ud800", "a\x00b"):
        answer = client.open(
            "/api/v1/tag-groups",
            method="POST",
            data=json.dumps({"path": text}),
            headers={"Authorization": f"Bearer {admin}"},
        )
        assert answer.status_code in (400, 422), answer.text
        error_of(answer, answer.status_code)


def test_an_error_never_repeats_a_phone(client, town, admin):
    for path in ("/customers?identity=phne::%2B8613912345678", "/customers?identity=%2B8613912345678"):
        assert "139123" not in client.api("GET", path, admin).text


def test_our_own_mistake_is_500_without_a_word_about_it(client, town, admin, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("secret thing")

    monkeypatch.setattr(customers, "current", broken)
    error = error_of(client.api("GET", f"/customers/{town.lin}", admin), 500)
    assert "secret" not in str(error) and "Zero" not in str(error)


def test_a_database_that_is_away_is_503(client, town, admin, monkeypatch):
    def away(*_):
        raise OperationalError("SELECT password", {}, Exception("host db.internal"))

    monkeypatch.setattr(customers, "current", away)
    error = error_of(client.api("GET", f"/customers/{town.lin}", admin), 503)
    assert "password" not in str(error) and "internal" not in str(error)


def test_a_page_that_is_not_there_is_a_page_for_people(client, town):
    answer = client.get("/nothing", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and "没有这个页面" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
