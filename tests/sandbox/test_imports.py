"""What a first import and polls read: directory, bulk lists, hand-overs, ids, followers, quotas."""

import json

from tests.sandbox.conftest import CORP, MINI, OA, World

BATCH = "externalcontact/batch/get_by_user"


def app(world: World, role: str, **more: object) -> str:
    """A second app of the corp in another role; the key of its account."""
    body = {"kind": "wecom", "corpid": CORP, "agentid": 1000077, **more}
    made = world.control("POST", "accounts", body)
    key = f"{CORP}:1000077"
    world.control("PUT", f"accounts/{key}/settings", {"role": role})
    query = {"corpid": CORP, "corpsecret": made["secret"]}
    answer = world.raw("wecom-api/cgi-bin/gettoken", params=query).json()
    world._tokens[key] = answer["access_token"]
    return key


def test_members_by_membership_for_contact_sync_only(world: World) -> None:
    world.control("POST", "staff", {"userid": "WuFan", "departments": [2, 3]})
    assert world.wecom("user/list_id", {})["errcode"] == 48002
    key = app(world, "contact_sync")
    rows, cursor = [], ""
    while True:
        page = world.wecom("user/list_id", {"cursor": cursor, "limit": 2}, corpid=key)
        rows += page["dept_user"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert [(row["userid"], row["department"]) for row in rows] == [
        ("ZhaoMin", 2), ("ChenYu", 2), ("WuFan", 2), ("WuFan", 3),
    ]  # fmt: skip
    assert world.wecom("user/get", userid="WuFan")["department"] == [2, 3]
    assert [u["userid"] for u in world.wecom("user/simplelist", department_id="3")["userlist"]] == ["WuFan"]
    assert world.wecom("department/get", id="3")["department"]["parentid"] == 1


def test_batch_pages_stay_whole_while_relations_come_and_go(world: World) -> None:
    world.act("seed_friends", userid="ZhaoMin", count=120)
    first = world.wecom(BATCH, {"userid_list": ["ZhaoMin", "ChenYu"], "limit": 1000})
    assert len(first["external_contact_list"]) == 100
    assert set(first["external_contact_list"][0]) == {"external_contact", "follow_info"}
    world.act("staff_delete", person="seed-00003", userid="ZhaoMin")
    world.act("staff_delete", person="seed-00110", userid="ZhaoMin")
    body = {"userid_list": ["ZhaoMin", "ChenYu"], "cursor": first["next_cursor"]}
    rest = world.wecom(BATCH, body)
    # Nobody was skipped by the deletion on the first page, and who is gone is not shown.
    assert len(rest["external_contact_list"]) == 19 and rest["next_cursor"] == ""
    assert world.wecom(BATCH, {**body, "userid_list": ["ZhaoMin"]})["errcode"] == 50100


def test_cursors_can_expire(world: World) -> None:
    world.act("seed_friends", userid="ZhaoMin", count=2)
    world.switches({"wecom.cursor_seconds": 0.001})
    body = {"userid_list": ["ZhaoMin"], "limit": 1}
    first = world.wecom(BATCH, body)
    answer = {"errcode": 0}
    for _ in range(300):
        answer = world.wecom(BATCH, {**body, "cursor": first["next_cursor"]})
        if answer["errcode"]:
            break
    assert answer["errcode"] == 50100


def test_members_without_a_licence_are_named(world: World) -> None:
    world.act("add_friend", person="lin", userid="ChenYu")
    world.act("staff_update", userid="ZhaoMin", licensed=False)
    found = world.wecom(BATCH, {"userid_list": ["ZhaoMin", "ChenYu"]})
    assert found["fail_info"] == {"unlicensed_userid_list": ["ZhaoMin"]}
    assert len(found["external_contact_list"]) == 1
    assert world.wecom(BATCH, {"userid_list": ["ZhaoMin"]})["errcode"] == 701008


def test_customers_of_leavers_are_handed_over(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    lin = world.external("lin")
    pair = {"handover_userid": "ZhaoMin", "takeover_userid": "ChenYu"}
    start = {**pair, "external_userid": [lin]}
    assert world.wecom("externalcontact/resigned/transfer_customer", start)["errcode"] == 40097
    world.act("staff_leave", userid="ZhaoMin")
    waiting = world.wecom("externalcontact/get_unassigned_list", {"page_size": 10})["info"]
    assert [(row["handover_userid"], row["external_userid"]) for row in waiting] == [("ZhaoMin", lin)]
    assert world.wecom("user/get", userid="ZhaoMin")["errcode"] == 60111
    begun = world.wecom("externalcontact/resigned/transfer_customer", start)["customer"]
    assert begun == [{"external_userid": lin, "errcode": 0}]
    asked = world.wecom("externalcontact/resigned/transfer_result", pair)["customer"]
    assert asked[0]["status"] == 2
    world.act("transfer_accept", person="lin")
    asked = world.wecom("externalcontact/resigned/transfer_result", pair)["customer"]
    assert asked[0]["status"] == 1 and asked[0]["takeover_time"] > 0
    assert world.wecom("externalcontact/get_unassigned_list", {"page_size": 10})["info"] == []
    assert world.wecom("externalcontact/list", userid="ChenYu")["external_userid"] == [lin]


def test_conversions_are_for_providers(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    lin, wang = world.person("lin"), world.person("wang")
    ask = {"unionid": lin["unionids"]["sandbox-open"], "openid": lin["openids"][MINI]}
    call = "idconvert/unionid_to_external_userid"
    assert world.wecom(call, ask)["errcode"] == 48002
    provider = app(world, "agent_development")
    assert world.wecom(call, ask, corpid=provider)["external_userid"] == world.external("lin")
    other = {"unionid": wang["unionids"]["sandbox-open"], "openid": wang["openids"][MINI]}
    assert "pending_id" in world.wecom(call, other, corpid=provider)
    assert world.wecom(call, {**ask, "openid": other["openid"]}, corpid=provider)["errcode"] == 610014
    # Such an app reads no unionid itself.
    shown = world.wecom("externalcontact/get", corpid=provider, external_userid=world.external("lin"))
    assert "unionid" not in shown["external_contact"] and "avatar" not in shown["external_contact"]
    back = world.wecom("user/convert_to_openid", {"userid": "ZhaoMin"})["openid"]
    assert world.wecom("user/convert_to_userid", {"openid": back})["userid"] == "ZhaoMin"
    code = world.act("staff_code", userid="ZhaoMin", scope="snsapi_privateinfo")["code"]
    ticket = world.wecom("auth/getuserinfo", code=code)["user_ticket"]
    assert world.wecom("auth/getuserdetail", {"user_ticket": ticket})["mobile"]
    assert world.wecom("auth/getuserdetail", {"user_ticket": "x"})["errcode"] == 84015


def test_rule_groups_have_tags_of_their_own(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.act("add_friend", person="lin", userid="ChenYu")
    rules = {"strategy_name": "华东", "admin_list": ["ZhaoMin"], "range": [{"type": 1, "userid": "ZhaoMin"}]}
    number = world.wecom("externalcontact/customer_strategy/create", rules)["strategy_id"]
    tags = {"strategy_id": number, "group_name": "意向", "tag": [{"name": "高"}]}
    tag = world.wecom("externalcontact/add_strategy_tag", tags)["tag_group"]["tag"][0]["id"]
    library = world.wecom("externalcontact/get_corp_tag_list", {})["tag_group"]
    assert "意向" not in [group["group_name"] for group in library]
    own = world.wecom("externalcontact/get_strategy_tag_list", {})["tag_group"]
    assert [(g["strategy_id"], g["group_name"]) for g in own] == [(number, "意向")]
    mark = {"external_userid": world.external("lin"), "add_tag": [tag]}
    assert world.wecom("externalcontact/mark_tag", {**mark, "userid": "ChenYu"})["errcode"] == 40068
    assert world.wecom("externalcontact/mark_tag", {**mark, "userid": "ZhaoMin"})["errcode"] == 0
    found = world.wecom("externalcontact/get", external_userid=world.external("lin"))["follow_user"]
    shown = {row["userid"]: row["tags"] for row in found}
    assert shown["ZhaoMin"][0]["type"] == 3 and shown["ChenYu"] == []


def test_followers_go_on_after_any_openid(world: World) -> None:
    world.switches({"wechat.user_get_page_size": 2})
    for number in range(5):
        world.control("POST", "people", {"id": f"f{number}"})
        world.act("follow", person=f"f{number}")
    after, seen = "", []
    for _ in range(4):
        page = world.wechat("cgi-bin/user/get", next_openid=after)
        if not page["count"]:
            break
        seen += page["data"]["openid"]
        after = page["next_openid"]
    assert seen == [world.openid(f"f{number}") for number in range(5)] and page == {
        "total": 5, "count": 0, "next_openid": "",
    }  # fmt: skip
    # Also after one that was never the end of a page.
    middle = world.wechat("cgi-bin/user/get", next_openid=world.openid("f0"))
    assert middle["data"]["openid"] == [world.openid("f1"), world.openid("f2")]
    assert world.wechat("cgi-bin/user/get", next_openid="oX")["errcode"] == 40003


def test_blacklist_and_notices(world: World) -> None:
    world.act("follow", person="lin")
    lin = world.openid("lin")
    assert world.wechat("cgi-bin/tags/members/batchblacklist", {"openid_list": [lin]})["errcode"] == 0
    assert world.wechat("cgi-bin/tags/members/getblacklist", {})["data"]["openid"] == [lin]
    many = {"openid_list": [lin] * 21}
    assert world.wechat("cgi-bin/tags/members/batchblacklist", many)["errcode"] == 40032
    notice = {"touser": lin, "template_id": "T1", "data": {"thing1": {"value": "到店礼"}}}
    assert world.wechat("cgi-bin/message/subscribe/bizsend", notice)["errcode"] == 43101
    world.act("subscribe_popup", person="lin", templates=[{"id": "T1"}])
    assert world.wechat("cgi-bin/message/subscribe/bizsend", notice)["errcode"] == 0
    assert world.wechat("cgi-bin/message/subscribe/bizsend", notice)["errcode"] == 43101
    events = [row["event"] for row in world.control("GET", "deliveries")["deliveries"]]
    assert events[-2:] == ["subscribe_msg_popup_event", "subscribe_msg_sent_event"]


def test_a_failed_call_can_be_looked_up_and_one_quota_cleared(world: World) -> None:
    world.switches({"wechat.quota.user/get": 1})
    world.wechat("cgi-bin/user/get")
    refused = world.wechat("cgi-bin/user/get")
    assert refused["errcode"] == 45009
    rid = refused["errmsg"].rpartition("rid: ")[2]
    found = world.wechat("cgi-bin/openapi/rid/get", {"rid": rid})["request"]
    assert found["request_url"] == "/user/get" and json.loads(found["response_body"])["errcode"] == 45009
    assert world.wechat("cgi-bin/openapi/rid/get", {"rid": "1-2-3"})["errcode"] == 76001
    assert world.wechat("cgi-bin/openapi/quota/clear", {"cgi_path": "/cgi-bin/user/get"})["errcode"] == 0
    assert world.wechat("cgi-bin/user/get")["count"] == 0


def test_a_unionid_that_a_platform_tells_later(world: World) -> None:
    world.act("follow", person="lin")
    world.act("unionid", person="lin", wechat=False)
    assert "unionid" not in world.wechat("cgi-bin/user/info", openid=world.openid("lin"))
    world.act("unionid", person="lin", wechat=True)
    assert world.wechat("cgi-bin/user/info", openid=world.openid("lin"))["unionid"]


def test_snapshot_users_are_nobody(world: World) -> None:
    code = world.act("oauth_code", person="lin", scope="snsapi_userinfo", snapshot=True)["code"]
    query = {"appid": OA, "secret": world.account(OA)["secret"], "grant_type": "authorization_code"}
    got = world.raw("wechat-api/sns/oauth2/access_token", params={**query, "code": code}).json()
    assert got["is_snapshotuser"] == 1 and got["openid"] != world.openid("lin")
    again = {"appid": OA, "grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
    assert world.raw("wechat-api/sns/oauth2/refresh_token", params=again).json()["openid"] == got["openid"]
