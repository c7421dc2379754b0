"""Changes by the API: hand marks, merges and their undoing, conflicts, events from elsewhere."""

import pytest
from sqlalchemy import func, select, update

from tests import people
from tests.web.town import ONE_DATABASE
from wxtag import clock, marks
from wxtag.app import core
from wxtag.companies import hash_key
from wxtag.database import writing
from wxtag.models import Company, Conflict, Customer, Event, Identity, Mark, Tag, Touched, db
from wxtag.sealing import keyed_hash

SOON = "2030-01-01T00:00:00+08:00"


def touched():
    db.session.rollback()
    return set(db.session.scalars(select(Touched.customer_id)))


def clean():
    with writing() as session:
        session.query(Touched).delete()


def tag_names(client, key, customer_id):
    return {one["name"] for one in client.api("GET", f"/customers/{customer_id}", key).json["tags"]}


def test_a_tag_is_put_on_and_taken_off_by_hand(client, town, admin):
    path = f"/customers/{town.wang}/tags/{town.hand_id}"
    for _ in range(2):  # again: the same
        assert client.api("PUT", path, admin).status_code == 204
    assert tag_names(client, admin, town.wang) == {"高意向"}
    assert touched() == {town.wang}
    assert client.api("DELETE", path, admin).status_code == 204
    assert tag_names(client, admin, town.wang) == set()
    history = client.api("GET", f"/customers/{town.wang}/history", admin).json["items"]
    assert {one["tag"]["id"] for one in history if one["tag"]} == {town.hand_id}


def test_taking_off_what_a_rule_gives_is_a_veto(client, town, admin):
    assert client.api("DELETE", f"/customers/{town.lin}/tags/{town.tag_id}", admin).status_code == 204
    assert tag_names(client, admin, town.lin) == set()
    assert client.api("GET", f"/customers?tag={town.tag_id}", admin).json["items"] == []


def test_a_mark_for_one_relation_is_seen_there_alone(client, town, admin, zhao):
    chen = {"corpid": town.corpid.upper(), "userid": "chenyu"}
    assert client.api("PUT", f"/customers/{town.lin}/tags/{town.hand_id}", admin, chen).status_code == 204
    assert "高意向" in tag_names(client, admin, town.lin)
    assert "高意向" not in tag_names(client, zhao, town.lin)
    seen = client.api("GET", f"/customers/{town.lin}/history", zhao).json["items"]
    assert "杭州" in {one["tag"]["name"] for one in seen if one["tag"]}
    assert "高意向" not in {one["tag"]["name"] for one in seen if one["tag"]}
    missing = {"corpid": town.corpid, "userid": "zhaomin"}
    assert client.api("PUT", f"/customers/{town.wang}/tags/{town.hand_id}", admin, missing).status_code == 404


def test_staff_mark_their_own_relation_only(client, town, zhao):
    assert client.api("PUT", f"/customers/{town.lin}/tags/{town.hand_id}", zhao).status_code == 204
    mark = db.session.scalars(select(Mark)).one()
    assert mark.follow_user_id is not None and mark.source == "hand"
    chen = {"corpid": town.corpid, "userid": "ChenYu"}
    assert client.api("PUT", f"/customers/{town.lin}/tags/{town.hand_id}", zhao, chen).status_code == 403
    assert client.api("PUT", f"/customers/{town.wang}/tags/{town.hand_id}", zhao).status_code == 404


@ONE_DATABASE
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/customers/1/merge", {"other": 2}),
        ("POST", "/customers/1/split", {"merge": 1}),
        ("GET", "/conflicts", None),
        ("POST", "/conflicts/1", {"decision": "same"}),
        ("POST", "/events", {"events": []}),
        ("POST", "/tags", {}),
        ("PUT", "/tags/1", {}),
        ("DELETE", "/tags/1", None),
        ("POST", "/tag-groups", {}),
        ("PUT", "/tag-groups/1", {}),
        ("DELETE", "/tag-groups/1", None),
        ("POST", "/tags/preview", {}),
    ],
)
def test_staff_may_not(client, town, zhao, method, path, body):
    answer = client.api(method, path, zhao, body)
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "forbidden")


def test_a_merge_and_its_undoing(client, town, admin):
    done = client.api("POST", f"/customers/{town.mei}/merge", admin, {"other": town.wang}).json
    assert done["id"] in (town.mei, town.wang) and done["merge"]
    assert client.api("GET", f"/customers/{town.mei}", admin).json["id"] == done["id"]
    assert {town.mei, town.wang} <= touched()
    again = client.api("POST", f"/customers/{town.mei}/merge", admin, {"other": town.wang})
    assert again.status_code == 422
    clean()
    wrong = client.api("POST", f"/customers/{town.lin}/split", admin, {"merge": done["merge"]})
    assert wrong.status_code == 404
    back = client.api("POST", f"/customers/{town.wang}/split", admin, {"merge": done["merge"]})
    assert back.status_code == 200 and {back.json["id"], done["id"]} == {town.mei, town.wang}
    assert client.api("GET", f"/customers/{town.mei}", admin).json["id"] == town.mei
    assert {town.mei, town.wang} <= touched()


@pytest.mark.parametrize(("decision", "together"), [("same", True), ("different", False)])
def test_a_conflict_is_shown_and_decided(client, town, admin, decision, together):
    with writing() as session:
        people.learn(
            session,
            town.company_id,
            (people.phone("+8613912345678"), people.unionid("one")),
            (people.phone("+8613912345678"), people.unionid("two")),
        )
    (conflict,) = client.api("GET", "/conflicts", admin).json["items"]
    assert conflict["identity"]["value"] == "+8613912345678"
    assert {one["value"] for one in conflict["sides"]} == {"one", "two"}
    decided = client.api("POST", f"/conflicts/{conflict['id']}", admin, {"decision": decision}).json
    assert (decided["state"], decided["decision"]) == ("decided", decision)
    assert (len({one["customer"] for one in decided["sides"]}) == 1) is together
    assert client.api("GET", "/conflicts", admin).json["items"] == []
    assert len(client.api("GET", "/conflicts?state=decided", admin).json["items"]) == 1
    assert db.session.scalars(select(Conflict.actor)).one().startswith("api-key")


def event(number, **more):
    return {
        "id": f"order-{number}",
        "identity": {"kind": "phone", "value": "138 0013 8000"},
        "kind": "viewed",
        "time": "2026-01-05T10:00:00+08:00",
        **more,
    }


def counted():
    db.session.rollback()
    return db.session.scalar(select(func.count(Event.id)).where(Event.uid.like("api:%")))


def test_events_of_other_systems_count_once(client, town, admin):
    body = {
        "events": [
            event(1),
            event(2),
            event(1),
            event(3, identity={"kind": "member", "scope": "shop", "value": "77"}),
        ]
    }
    assert client.api("POST", "/events", admin, body).json == {"new": 3, "repeated": 1}
    assert client.api("POST", "/events", admin, body["events"]).json == {"new": 0, "repeated": 4}
    assert counted() == 3
    kinds = [one["kind"] for one in client.api("GET", f"/customers/{town.lin}/events", admin).json["items"]]
    assert kinds.count("viewed") == 2
    (stranger,) = client.api("GET", "/customers?identity=member:shop:77", admin).json["items"]
    assert stranger["id"] not in (town.lin, town.wang, town.mei)
    assert {town.lin, stranger["id"]} <= touched()
    row = db.session.scalars(select(Event).where(Event.uid == "api:order-1")).one()
    assert row.at == 1767578400000


@ONE_DATABASE
def test_a_thousand_events_are_taken_and_one_more_is_not(client, town, admin):
    assert client.api("POST", "/events", admin, [event(n) for n in range(1001)]).status_code == 422
    assert client.api("POST", "/events", admin, [event(n) for n in range(1000)]).json["new"] == 1000


@ONE_DATABASE
@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"kind": "bought the moon"}, "kind"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2999-01-01T00:00:00Z"}, "time"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time"),
        ({"identity": {"kind": "phone", "value": "400-123-4567"}}, "identity"),
        ({"identity": {"kind": "openid", "scope": "wx1", "value": "undefined"}}, "identity"),
        ({"identity": {"kind": "shoe", "value": "42"}}, "identity.kind"),
        ({"id": " blank"}, "id"),
        ({"colour": "red"}, "colour"),
        ({"place": "Hangzhou"}, "place"),
        ({"properties": {"x": "y" * 5000}}, "properties"),
        ({"properties": {"x": float("nan")}}, "properties"),
        ({"properties": {"x": "\ud800"}}, "properties"),
        ({"properties": {"x": [[[[[[[[[1]]]]]]]]]}}, "properties"),
    ],
)
def test_one_bad_event_keeps_all_out_and_is_named(client, town, admin, more, field):
    answer = client.api("POST", "/events", admin, [event(1), event(2, **more)])
    assert answer.status_code == 422, answer.json
    assert f"events.1.{field}" in answer.json["error"]["fields"]
    assert counted() == 0


def test_an_unknown_phone_is_kept_as_a_hash(client, town, admin):
    client.api("POST", "/events", admin, [event(1, identity={"kind": "phone", "value": "13912345678"})])
    company = db.session.get(Company, town.company_id)
    value = keyed_hash(hash_key(company, core().sealer), "phone", "+8613912345678")
    assert db.session.scalar(select(Identity.id).where(Identity.value == value))
    assert db.session.scalar(select(func.count(Customer.id))) == 4


def test_the_actor_of_a_mark_is_the_key(client, town, admin, monkeypatch):
    seen = []
    monkeypatch.setattr(marks, "put", lambda *args, **kwargs: seen.append((args, kwargs)))
    client.api("PUT", f"/customers/{town.wang}/tags/{town.hand_id}", admin)
    ((args, kwargs),) = seen
    assert args[1:4] == (town.company_id, town.wang, town.hand_id)
    assert args[4].startswith("api-key ") and args[5] == "hand" and kwargs == {"follow_user_id": None}


def test_a_retired_tag_cannot_be_put_on(client, town, admin):
    with writing() as session:
        session.execute(update(Tag).where(Tag.id == town.hand_id).values(retired_at=clock.now()))
    assert client.api("PUT", f"/customers/{town.wang}/tags/{town.hand_id}", admin).status_code == 404
