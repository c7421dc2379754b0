"""Faults of interfaces, the log of calls, mini-program clients."""

import json

import pytest
import requests

from tests.sandbox.conftest import CORP, MINI, OA, Product, World
from tests.sandbox.test_mark_tag import mark, shown


@pytest.fixture
def tag(world: World) -> str:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.token(CORP)
    return world.control("GET", f"library/{CORP}")["groups"][0]["tags"][0]["id"]


def fault(world: World, what: str, **more: object) -> None:
    world.faults({"platform": "wecom", "api": "externalcontact/mark_tag", "what": what, "count": 1, **more})


def test_error_fault_for_one_call(world: World, tag: str) -> None:
    fault(world, "error", errcode=-1)
    assert mark(world, add_tag=[tag])["errcode"] == -1 and shown(world) == []
    assert mark(world, add_tag=[tag])["errcode"] == 0 and shown(world) == ["重要客户"]


def test_lost_answer_takes_effect_and_drop_does_not(world: World, tag: str) -> None:
    fault(world, "drop_connection")
    with pytest.raises(requests.ConnectionError):
        mark(world, add_tag=[tag])
    assert shown(world) == []
    fault(world, "lost_answer")
    with pytest.raises(requests.ConnectionError):
        mark(world, add_tag=[tag])
    assert shown(world) == ["重要客户"]
    calls = world.control("GET", "calls?api=externalcontact/mark_tag")["calls"]
    assert [call.get("fault") for call in calls] == ["drop_connection", "lost_answer"]


def test_no_effect_says_ok(world: World, tag: str) -> None:
    fault(world, "no_effect")
    assert mark(world, add_tag=[tag])["errcode"] == 0 and shown(world) == []


def test_http_500_and_not_json(world: World, tag: str) -> None:
    path, query = "wecom-api/cgi-bin/externalcontact/mark_tag", {"access_token": world.token(CORP)}
    body = {"userid": "ZhaoMin", "external_userid": world.external("lin"), "add_tag": [tag]}
    fault(world, "http_500")
    assert world.raw(path, "POST", params=query, json=body).status_code == 500
    fault(world, "not_json")
    with pytest.raises(ValueError):
        world.raw(path, "POST", params=query, json=body).json()
    assert shown(world) == []


def test_rate_follows_the_seed(world: World) -> None:
    def run() -> list[int]:
        world.faults(
            {"platform": "wecom", "api": "user/get", "what": "error", "errcode": -1, "rate": 0.5}, seed=7
        )
        return [world.wecom("user/get", userid="ZhaoMin")["errcode"] for _ in range(20)]

    first = run()
    assert first == run() and 0 in first and -1 in first
    assert world.control("GET", "faults")["seed"] == 7


def test_wrong_faults_are_refused(world: World) -> None:
    world.control("PUT", "faults", {"faults": [{"platform": "wecom", "what": "duplicate"}]}, 400)
    world.control("PUT", "faults", {"faults": [{"platform": "x", "what": "error"}]}, 400)
    assert world.control("GET", "faults")["faults"] == []


def test_the_log_has_no_secrets(world: World, tag: str) -> None:
    mark(world, add_tag=[tag])
    world.raw("wechat-api/cgi-bin/token", params={"appid": OA, "secret": "s3cret"})
    shown = world.control("GET", "calls")
    text = json.dumps(shown)
    assert world.account(CORP)["secret"] not in text and "s3cret" not in text
    assert world.token(CORP) not in text
    call = next(c for c in shown["calls"] if c["api"] == "externalcontact/mark_tag")
    assert call["errcode"] == 0 and call["userid"] == "ZhaoMin" and call["body"]["add_tag"] == [tag]
    assert call["platform"] == "wecom" and call["account"] == CORP and call["method"] == "POST"
    assert call["external_userid"] == world.external("lin") and call["ms"] >= 0
    assert world.control("GET", f"calls?since={shown['next']}")["calls"] == []
    world.control("DELETE", "calls")
    assert world.control("GET", "calls")["calls"] == []


def test_mini_program_client(world: World, product: Product) -> None:
    assert world.act("mini_login", status=400, person="lin")["ok"] is False
    world.control("PUT", "product", {"url": product.url})
    product.reply = lambda _: (200, json.dumps({"token": "T-1", "new": True}))
    done = world.act("mini_login", person="lin")
    assert done["answer"] == {"token": "T-1", "new": True} and done["status"] == 200
    login = product.taken[0]
    assert login["path"] == f"/mini/{MINI}/login" and "Authorization" not in login["headers"]
    code = json.loads(login["body"])["code"]
    query = {"appid": MINI, "secret": world.account(MINI)["secret"], "js_code": code}
    session = world.raw("wechat-api/sns/jscode2session", params={**query, "grant_type": "authorization_code"})
    assert session.json()["openid"] == world.openid("lin", MINI)
    world.act("mini_phone", person="lin")
    world.act("mini_event", person="lin", events=[{"kind": "view_product", "product": "p1"}])
    phone, event = product.taken[1:]
    assert phone["path"] == f"/mini/{MINI}/phone" and phone["headers"]["Authorization"] == "Bearer T-1"
    phone_code = {"code": json.loads(phone["body"])["code"]}
    info = world.wechat("wxa/business/getuserphonenumber", phone_code, appid=MINI)
    assert info["phone_info"]["phoneNumber"] == "13800000017"
    assert event["path"] == f"/mini/{MINI}/events"
    assert json.loads(event["body"]) == {"events": [{"kind": "view_product", "product": "p1"}]}
    product.reply = lambda _: (401, "{}")
    assert world.act("mini_phone", status=400, person="lin")["status"] == 401


def test_bad_requests_of_the_control_side(world: World) -> None:
    assert world.act("dance", status=400)["ok"] is False
    assert world.act("follow", status=400, person="nobody")["ok"] is False
    assert world.act("follow", status=400, person="lin", appid=MINI)["ok"] is False
    world.act("follow", person="lin")
    assert world.act("follow", status=400, person="lin")["ok"] is False
    world.control("PUT", "switches", {"wecom.nothing": 1}, 400)
    world.control("POST", "accounts", {"kind": "bank"}, 400)
    world.control("POST", "people", {"id": "lin", "name": "x"}, 400)


def test_reset(world: World) -> None:
    world.act("follow", person="lin")
    world.control("POST", "people", {"id": "extra", "name": "x"})
    world.switches({"wecom.max_parallel": 1})
    world.faults({"platform": "wecom", "what": "http_500"})
    world.control("POST", "reset")
    assert [p["id"] for p in world.control("GET", "people")["people"]] == ["lin", "wang", "mei"]
    assert world.control("GET", "switches")["switches"]["wecom.max_parallel"]["value"] == 5
    assert world.control("GET", "faults")["faults"] == []
    assert world.control("GET", "deliveries")["deliveries"] == []


def test_values_of_the_wrong_kind_are_the_callers_fault(world: World) -> None:
    body = {"userid": ["ZhaoMin"], "external_userid": {"a": 1}, "add_tag": "x"}
    assert world.wecom("externalcontact/mark_tag", body)["errcode"] in (40003, 60111, 40058, 40096)
    assert world.wecom("externalcontact/list_contact_way", {"start_time": "x"})["errcode"] == 40058
    assert world.wechat("cgi-bin/tags/create", {"tag": ["x"]})["errcode"] == 47001
    openids = {"openid_list": [["x"]], "tagid": 2}
    assert world.wechat("cgi-bin/tags/members/batchtagging", openids)["errcode"] in (40003, 47001)
    assert world.wecom("externalcontact/mark_tag", [1])["errcode"] == 40058


def test_names_of_interfaces_with_and_without_the_head(world: World) -> None:
    world.faults({"platform": "wechat", "api": "/cgi-bin/user/get", "what": "error", "errcode": -1})
    assert world.wechat("cgi-bin/user/get")["errcode"] == -1
    assert len(world.control("GET", "calls?api=cgi-bin/user/get")["calls"]) == 1
