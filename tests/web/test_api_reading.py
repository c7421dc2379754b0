"""Reading by the API: the contract's shapes, who sees whom, phones, pages."""

import re

import pytest
from sqlalchemy import event, update

from tests.web.town import ONE_DATABASE, PHONE
from wxtag import clock, verdicts
from wxtag.apikeys import make_key
from wxtag.database import writing
from wxtag.models import ApiKey, FollowUser, db


def test_a_customer_looks_as_the_contract_says(client, town, admin):
    card = client.api("GET", f"/customers/{town.lin}", admin).json
    assert set(card) == {"id", "name", "identities", "follow_users", "tags"}
    assert (card["id"], card["name"]) == (town.lin, "林晓")
    assert {"kind": "phone", "scope": "", "value": PHONE, "verified": True} in card["identities"]
    zhao = next(one for one in card["follow_users"] if one["userid"] == "ZhaoMin")
    assert zhao == {
        "corpid": town.corpid,
        "userid": "ZhaoMin",
        "external_userid": "wm-lin",
        "state": "poster-042",
        "status": "active",
    }
    (tag,) = card["tags"]
    assert set(tag) == {"id", "name", "path", "value", "reasons", "push"}
    assert (tag["id"], tag["name"], tag["path"]) == (town.tag_id, "杭州", ["地区", "城市"])
    (reason,) = tag["reasons"]
    assert (reason["source"], reason["text"]) == ("rule", "最近位置：浙江·杭州")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00", reason["since"])
    assert {(one["userid"], one["state"]) for one in tag["push"]} == {
        ("ZhaoMin", "waiting"),
        ("ChenYu", "waiting"),
    }


def test_customers_are_found_by_id_tag_and_text(client, town, admin):
    def found(query):
        answer = client.api("GET", f"/customers?{query}", admin)
        assert answer.status_code == 200, answer.json
        return [one["id"] for one in answer.json["items"]]

    assert found("identity=phone::%2B8613800138000") == [town.lin]
    assert found("identity=phone::138%200013%208000") == [town.lin]
    assert found(f"identity=openid:{town.appid}:o-mei") == [town.mei]
    assert found(f"identity=external_userid:{town.corpid.upper()}:wm-wang") == [town.wang]
    assert found(f"identity=external_userid:{town.corpid}:WM-wang") == []
    assert found(f"tag={town.tag_id}") == [town.lin]
    assert found("q=林") == [town.lin]
    assert found("q=13800138000") == [town.lin]
    assert found("q=o-mei") == [town.mei]
    assert found(f"q=王&tag={town.tag_id}") == []
    assert found("q=%25") == []
    assert found("") == [town.lin, town.wang, town.mei]


def test_pages_follow_one_another(client, town, admin):
    seen, query = [], "limit=2"
    while query:
        page = client.api("GET", f"/customers?{query}", admin).json
        seen += [one["id"] for one in page["items"]]
        query = page["next"] and f"limit=2&cursor={page['next']}"
    assert seen == [town.lin, town.wang, town.mei]
    first = client.api("GET", f"/customers/{town.lin}/events?limit=2", admin).json
    assert [one["kind"] for one in first["items"]] == ["added", "located"]
    rest = client.api("GET", f"/customers/{town.lin}/events?limit=2&cursor={first['next']}", admin).json
    assert [one["kind"] for one in rest["items"]] == ["followed"]
    assert rest["next"] is None
    event = rest["items"][0]
    assert (event["text"], event["channel"], event["identity"]["kind"]) == (
        "关注公众号",
        "store-017",
        "openid",
    )


def test_a_merged_id_answers_with_the_customer_it_became(client, town, admin):
    with writing() as session:
        survivor = verdicts.merge(session, town.company_id, town.lin, town.mei, "test")
    gone = town.mei if survivor == town.lin else town.lin
    assert client.api("GET", f"/customers/{gone}", admin).json["id"] == survivor
    kinds = [one["kind"] for one in client.api("GET", f"/customers/{gone}/events", admin).json["items"]]
    assert "messaged" in kinds and "located" in kinds
    history = client.api("GET", f"/customers/{gone}/history", admin).json["items"]
    first = client.api("GET", f"/customers/{gone}/history?limit=2", admin).json
    rest = client.api("GET", f"/customers/{gone}/history?cursor={first['next']}", admin).json
    assert [one["id"] for one in first["items"] + rest["items"]] == [one["id"] for one in history]
    assert {one["verb"] for one in history} >= {"merged", "tagged"}
    assert {one["merge"] for one in history if one["verb"] == "merged"} != {None}
    listed = [one["id"] for one in client.api("GET", "/customers", admin).json["items"]]
    assert survivor in listed and gone not in listed


def test_staff_see_their_own_customers_and_no_phones(client, town, zhao):
    assert [one["id"] for one in client.api("GET", "/customers", zhao).json["items"]] == [town.lin]
    for path in (
        f"/customers/{town.wang}",
        f"/customers/{town.wang}/events",
        f"/customers/{town.mei}/history",
    ):
        assert client.api("GET", path, zhao).status_code == 404
    answer = client.api("GET", f"/customers/{town.lin}", zhao)
    assert [one["userid"] for one in answer.json["follow_users"]] == ["ZhaoMin"]
    assert [one["userid"] for one in answer.json["tags"][0]["push"]] == ["ZhaoMin"]
    assert PHONE not in answer.text
    assert "+86138****8000" in answer.text
    with writing() as session:
        session.execute(
            update(FollowUser).where(FollowUser.userid == "zhaomin").values(status="deleted_by_staff")
        )
    assert client.api("GET", f"/customers/{town.lin}", zhao).status_code == 404


def test_a_manager_sees_phones(client, town):
    with writing() as session:
        key = make_key(session, town.company_id, "manager")
    assert PHONE in client.api("GET", f"/customers/{town.lin}", key).text


@ONE_DATABASE
@pytest.mark.parametrize("key", [None, "", "wxt_nobody", "nonsense", "é"])
def test_without_a_key_nothing_is_answered(client, town, key):
    answer = client.open("/api/v1/customers", headers={"Authorization": f"Bearer {key}"} if key else {})
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "unauthorized"
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_a_revoked_key_opens_nothing(client, town, admin):
    with writing() as session:
        session.execute(update(ApiKey).values(revoked_at=clock.now()))
    assert client.api("GET", "/customers", admin).status_code == 401


def test_a_list_of_customers_costs_no_statement_a_customer(client, town, admin):
    asked = []
    event.listen(db.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))

    def statements(query):
        asked.clear()
        assert client.api("GET", f"/customers?{query}", admin).status_code == 200
        return len(asked)

    for one in (town.lin, town.wang, town.mei):
        assert client.api("PUT", f"/customers/{one}/tags/{town.hand_id}", admin).status_code == 204
    assert statements("limit=3") == statements("limit=1")
