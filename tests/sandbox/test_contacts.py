"""Customers: details, lists, cursors, remarks, the life of a relation."""

import pytest

from tests.sandbox.conftest import CORP, World
from tests.sandbox.test_mark_tag import mark


def detail(world: World, person: str = "lin") -> dict:
    return world.wecom("externalcontact/get", external_userid=world.external(person))


def test_details_of_a_new_friend(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin", state="store-017")
    answer = detail(world)
    contact, (follow,) = answer["external_contact"], answer["follow_user"]
    assert contact["external_userid"] == world.external("lin") and contact["name"] == "林晓"
    assert contact["type"] == 1 and contact["unionid"] == world.person("lin")["unionids"]["sandbox-open"]
    assert follow["userid"] == "ZhaoMin" and follow["state"] == "store-017" and follow["add_way"] == 1
    assert follow["oper_userid"] == world.external("lin") and follow["tags"] == []
    assert answer["next_cursor"] == ""
    world.switches({"wecom.unionid_missing": True})
    assert "unionid" not in detail(world)["external_contact"]


def test_personal_tags_have_no_id(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.act("edit_contact", person="lin", userid="ZhaoMin", add_personal=["老同学"])
    (tag,) = detail(world)["follow_user"][0]["tags"]
    assert tag["type"] == 2 and tag["tag_name"] == "老同学" and "tag_id" not in tag


def test_who_is_a_customer(world: World) -> None:
    assert detail(world)["errcode"] == 84061
    assert world.wecom("externalcontact/get")["errcode"] == 41035
    assert world.wecom("externalcontact/get", external_userid="wmX")["errcode"] == 40096
    world.act("half_add", person="lin", userid="ZhaoMin")
    assert detail(world)["errcode"] == 84061
    world.act("add_friend", person="lin", userid="ZhaoMin")
    assert detail(world)["errcode"] == 0
    # The customer deletes the member: the interfaces go on; the other way round they do not.
    world.act("customer_delete", person="lin", userid="ZhaoMin")
    assert detail(world)["errcode"] == 0
    world.act("staff_delete", person="lin", userid="ZhaoMin")
    assert detail(world)["errcode"] == 84061


def test_reading_may_lag_behind_the_event(world: World) -> None:
    world.switches({"wecom.read_after_add_lag_seconds": 5})
    world.act("add_friend", person="lin", userid="ZhaoMin")
    assert detail(world)["errcode"] == 84061
    world.skew(6)
    assert detail(world)["errcode"] == 0


def test_list_of_a_member(world: World) -> None:
    ask = lambda userid: world.wecom("externalcontact/list", userid=userid)  # noqa: E731
    empty = ask("ZhaoMin")
    assert empty["errcode"] == 84061 and empty["external_userid"] == []
    world.switches({"wecom.list_empty": "empty"})
    assert ask("ZhaoMin") == {"errcode": 0, "errmsg": "ok", "external_userid": []}
    world.act("add_friend", person="lin", userid="ZhaoMin")
    assert ask("zhaomin")["external_userid"] == [world.external("lin")]
    assert ask("Nobody")["errcode"] == 60111


def test_batch_clamps_pages_and_has_one_row_a_follower(world: World) -> None:
    world.act("seed_friends", userid="ZhaoMin", count=130)
    world.act("seed_friends", userid="ChenYu", count=2)
    ask = lambda **b: world.wecom("externalcontact/batch/get_by_user", b)  # noqa: E731
    first = ask(userid_list=["ZhaoMin", "ChenYu"], limit=1000)
    assert len(first["external_contact_list"]) == 100 and first["next_cursor"]
    second = ask(userid_list=["ZhaoMin", "ChenYu"], limit=1000, cursor=first["next_cursor"])
    assert len(second["external_contact_list"]) == 32 and second["next_cursor"] == ""
    rows = first["external_contact_list"] + second["external_contact_list"]
    assert isinstance(rows[0]["follow_info"], dict) and rows[0]["follow_info"]["tag_id"] == []
    pairs = {(r["follow_info"]["userid"], r["external_contact"]["external_userid"]) for r in rows}
    assert len(pairs) == 132
    assert len(ask(userid_list=["ZhaoMin"])["external_contact_list"]) == 50
    assert ask(userid_list=["ZhaoMin"], cursor="nonsense")["errcode"] == 50100
    assert ask(userid_list=["ChenYu"], cursor=first["next_cursor"])["errcode"] == 50100
    assert ask(userid_list=["ZhaoMin"] * 101)["errcode"] == 40058
    assert ask(userid_list=["Nobody"])["errcode"] == 60111
    assert "fail_info" not in first


def test_batch_carries_tag_ids_and_unionid_but_no_personal_tags(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    tag = world.control("GET", f"library/{CORP}")["groups"][0]["tags"][0]["id"]
    mark(world, add_tag=[tag])
    world.act("edit_contact", person="lin", userid="ZhaoMin", add_personal=["老同学"])
    body = {"userid_list": ["ZhaoMin"]}
    (row,) = world.wecom("externalcontact/batch/get_by_user", body)["external_contact_list"]
    assert row["follow_info"]["tag_id"] == [tag] and "tags" not in row["follow_info"]
    assert row["external_contact"]["unionid"] == world.person("lin")["unionids"]["sandbox-open"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 40058),
        ({"remark": "很" * 21}, 40058),
        ({"remark": "林晓"}, 0),
        ({"remark_mobiles": ["13800000017"]}, 0),
        ({"remark_mobiles": ""}, 0),
        ({"description": "x" * 151}, 40058),
    ],
)
def test_remark(world: World, fields: dict, code: int) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    body = {"userid": "ZhaoMin", "external_userid": world.external("lin"), **fields}
    assert world.wecom("externalcontact/remark", body)["errcode"] == code
    follow = detail(world)["follow_user"][0]
    if code == 0:
        assert follow["remark"] == fields.get("remark", "")
        assert follow["remark_mobiles"] == (fields.get("remark_mobiles") or [])


def test_the_view_shows_what_staff_sees(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin", state="store-017")
    important, ordinary = world.control("GET", f"library/{CORP}")["groups"][0]["tags"]
    mark(world, add_tag=[ordinary["id"]])
    world.act("edit_contact", person="lin", userid="ZhaoMin", remark="小林", add_tags=[important["id"]])
    view = world.control("GET", f"view/{CORP}/ZhaoMin")
    (customer,) = view["customers"]
    assert view["staff"]["name"] == "赵敏" and customer["remark"] == "小林" and customer["status"] == "friend"
    assert [(t["name"], t["by"], t["group"]) for t in customer["tags"]] == [
        ("重要客户", "staff", "客户等级"),
        ("普通客户", "app", "客户等级"),
    ]


def test_transfer_moves_the_edge(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    tag = world.control("GET", f"library/{CORP}")["groups"][0]["tags"][0]["id"]
    mark(world, add_tag=[tag])
    key = world.external("lin")
    pair = {"handover_userid": "ZhaoMin", "takeover_userid": "ChenYu"}
    start = world.wecom("externalcontact/transfer_customer", {**pair, "external_userid": [key]})
    assert start["customer"] == [{"external_userid": key, "errcode": 0}]
    result = lambda: world.wecom("externalcontact/transfer_result", pair)["customer"][0]["status"]  # noqa: E731
    assert result() == 2
    world.skew(86_401)
    assert world.wecom("externalcontact/transfer_result", pair)["errcode"] == 42001
    world.skew(0)
    world.switches({"wecom.transfer_seconds": 0})
    assert result() == 1
    (follow,) = detail(world)["follow_user"]
    assert follow["userid"] == "ChenYu" and follow["add_way"] == 202 and follow["tags"] == []


def test_contact_way_gives_state_and_welcome_code(world: World) -> None:
    body = {"type": 1, "scene": 2, "user": ["ZhaoMin"], "state": "poster-1"}
    way = world.wecom("externalcontact/add_contact_way", body)
    assert way["errcode"] == 0 and way["qr_code"].startswith("https://")
    listed = world.wecom("externalcontact/list_contact_way", {})["contact_way"]
    assert listed == [{"config_id": way["config_id"]}]
    added = world.act("add_friend", person="lin", config_id=way["config_id"])
    assert detail(world)["follow_user"][0]["state"] == "poster-1"
    send = lambda code: world.wecom(  # noqa: E731
        "externalcontact/send_welcome_msg", {"welcome_code": code, "text": {"content": "欢迎"}}
    )["errcode"]
    assert send(added["welcome_code"]) == 0
    assert send(added["welcome_code"]) == 41051
    assert send("nothing") == 41050
    late = world.act("add_friend", person="wang", userid="ZhaoMin")
    world.skew(21)
    assert send(late["welcome_code"]) == 41050
    world.wecom("externalcontact/del_contact_way", {"config_id": way["config_id"]})
    gone = world.wecom("externalcontact/get_contact_way", {"config_id": way["config_id"]})
    assert gone["errcode"] == 41039


def test_directory_and_messages(world: World) -> None:
    user = world.wecom("user/get", userid="zhaomin")
    assert user["name"] == "赵敏" and user["main_department"] == 2 and "mobile" not in user
    assert world.wecom("user/get", userid="x")["department"] == []
    assert [d["name"] for d in world.wecom("department/list")["department"]] == ["总部", "杭州门店"]
    assert world.wecom("user/simplelist", department_id="1")["userlist"] == []
    both = world.wecom("user/list", department_id="1", fetch_child="1")["userlist"]
    assert [u["userid"] for u in both] == ["ZhaoMin", "ChenYu"]
    assert world.wecom("user/simplelist", department_id="9")["errcode"] == 60003
    agent = world.wecom("agent/get", agentid="1000002")
    assert agent["allow_userinfos"]["user"] == [{"userid": "ZhaoMin"}, {"userid": "ChenYu"}]
    body = {"touser": "ZhaoMin|ghost", "msgtype": "text", "agentid": 1000002, "text": {"content": "hi"}}
    assert world.wecom("message/send", body)["invaliduser"] == "ghost"
    assert world.wecom("message/send", {**body, "touser": "ghost"})["errcode"] == 81013
    assert world.wecom("message/send", {**body, "agentid": 7})["errcode"] == 301002
    code = world.act("staff_code", userid="ZhaoMin")["code"]
    assert world.wecom("auth/getuserinfo", code=code)["userid"] == "ZhaoMin"
    assert world.wecom("auth/getuserinfo", code=code)["errcode"] == 42022
    assert world.wecom("auth/getuserinfo", code="x")["errcode"] == 40029
    first = world.wecom("get_jsapi_ticket")["ticket"]
    assert world.wecom("get_jsapi_ticket")["ticket"] == first
    assert world.wecom("ticket/get", type="agent_config")["ticket"] != first
