"""Callbacks: envelopes, signatures, contents; opened by the test's own decryption."""

import json
from typing import Any

import pytest

from tests.sandbox.conftest import CORP, MINI, OA, Product, World
from tests.sandbox.opening import between, connect, opened, seal, sha, unseal


def test_saving_a_url_asks_it_first(world: World, product: Product) -> None:
    for key in (CORP, OA, MINI):
        connect(world, product, key)
    assert [request["method"] for request in product.taken] == ["GET"] * 3
    product.reply = lambda _: (200, "wrong")
    refused = world.control("PUT", f"accounts/{OA}/callback", {"url": product.url + "/other"}, 400)
    assert refused["ok"] is False and refused["got"] == "wrong"
    product.reply = lambda _: (403, "no")
    assert "403" in world.control("PUT", f"accounts/{CORP}/callback", {"url": product.url}, 400)["error"]
    dead = world.control("PUT", f"accounts/{CORP}/callback", {"url": "http://127.0.0.1:1/"}, 400)
    assert dead["got"] is None
    product.reply = lambda _: (200, "")
    # A refused URL does not replace the old one.
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.idle()
    assert product.taken[-1]["path"] == f"/cb/{CORP}"


def test_wecom_envelope_and_content(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    done = world.act("add_friend", person="lin", userid="ZhaoMin", state="store-017")
    (tried,) = world.idle()
    (push,) = product.pushes()
    assert between(push["body"], "ToUserName") == CORP and between(push["body"], "AgentID") == "1000002"
    assert set(push["query"]) == {"msg_signature", "timestamp", "nonce"}
    content = opened(account, push)
    at = between(content, "CreateTime")
    assert content == (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
        f"<CreateTime>{at}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        "<Event><![CDATA[change_external_contact]]></Event>"
        "<ChangeType><![CDATA[add_external_contact]]></ChangeType><UserID><![CDATA[ZhaoMin]]></UserID>"
        f"<ExternalUserID><![CDATA[{world.external('lin')}]]></ExternalUserID>"
        f"<State><![CDATA[store-017]]></State><WelcomeCode><![CDATA[{done['welcome_code']}]]></WelcomeCode></xml>"
    )
    assert tried["content"] == content and tried["ok"] is True and tried["status"] == 200
    assert tried["event"] == "change_external_contact.add_external_contact" and tried["try"] == 1


def test_a_friend_again_gives_no_event(world: World, product: Product) -> None:
    connect(world, product, CORP)
    world.act("add_friend", person="lin", userid="ZhaoMin", state="a")
    assert world.act("add_friend", person="lin", userid="ZhaoMin", state="b")["already"] is True
    world.idle()
    assert len(product.pushes()) == 1


def test_the_life_of_a_relation_in_events(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    tag = world.control("GET", f"library/{CORP}")["groups"][0]["tags"][0]["id"]
    pair = {"person": "lin", "userid": "ZhaoMin"}
    world.act("half_add", **pair, state="s")
    world.act("add_friend", **pair)
    world.act("edit_contact", **pair, add_tags=[tag])
    world.act("edit_contact", **pair, add_tags=[tag])
    world.act("edit_contact", **pair, add_personal=["老同学"])
    world.act("edit_contact", **pair, description="x")
    world.act("transfer", person="lin", **{"from": "ZhaoMin", "to": "ChenYu"})
    world.act("customer_delete", person="lin", userid="ChenYu")
    world.act("staff_delete", person="lin", userid="ChenYu")
    world.idle()
    contents = [opened(account, push) for push in product.pushes()]
    changes = [(between(c, "ChangeType"), between(c, "UserID")) for c in contents]
    assert changes == [
        ("add_half_external_contact", "ZhaoMin"),
        ("add_external_contact", "ZhaoMin"),
        ("edit_external_contact", "ZhaoMin"),
        ("edit_external_contact", "ZhaoMin"),
        ("del_external_contact", "ZhaoMin"),
        ("add_external_contact", "ChenYu"),
        ("del_follow_user", "ChenYu"),
        ("del_external_contact", "ChenYu"),
    ]
    assert "<Source><![CDATA[DELETE_BY_TRANSFER]]></Source>" in contents[4]
    assert "<Source>" not in contents[7] and "<State>" not in contents[2]


def test_tag_library_events(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    made = world.act("admin_tag_create", group_name="城市", names=["杭州", "上海"])
    first, second = made["tag_ids"].values()
    world.act("admin_tag_rename", id=first, name="宁波")
    world.act("admin_tag_shuffle", group_id=made["group_id"], ids=[second, first])
    world.act("admin_tag_shuffle", ids=[made["group_id"]])
    world.act("admin_tag_delete", id=made["group_id"])
    world.idle()
    contents = [opened(account, push) for push in product.pushes()]
    seen = [(between(c, "ChangeType"), between(c, "Id"), "<TagType>" in c) for c in contents]
    assert seen == [
        ("create", made["group_id"], True),
        ("create", first, True),
        ("create", second, True),
        ("update", first, True),
        ("shuffle", made["group_id"], False),
        ("shuffle", "", False),
        # The group's tags go without events of their own.
        ("delete", made["group_id"], True),
    ]
    assert len({between(c, "CreateTime") for c in contents[:3]}) == 1
    assert between(contents[0], "TagType") == "tag_group" and between(contents[1], "TagType") == "tag"


def test_shuffle_changes_the_order(world: World) -> None:
    made = world.act("admin_tag_create", group_name="城市", names=["杭州", "上海", "北京"])
    wanted = [made["tag_ids"][name] for name in ("北京", "杭州", "上海")]
    world.act("admin_tag_shuffle", group_id=made["group_id"], ids=wanted)
    groups = world.control("GET", f"library/{CORP}")["groups"]
    assert [tag["id"] for tag in next(g for g in groups if g["name"] == "城市")["tags"]] == wanted


def test_safe_mode_has_both_signatures_and_the_openid(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    world.act("follow", person="lin", scene="store-017")
    world.act("scan", person="lin", scene="store-017")
    world.act("unfollow", person="lin")
    world.idle()
    follow, scan, leave = product.pushes()
    query = follow["query"]
    assert query["signature"] == sha(account["token"], query["timestamp"], query["nonce"])
    assert query["openid"] == world.openid("lin") and query["encrypt_type"] == "aes"
    assert "<FromUserName>" not in follow["body"] and between(follow["body"], "ToUserName").startswith("gh_")
    content = opened(account, follow)
    assert between(content, "EventKey") == "qrscene_store-017" and between(content, "Ticket").startswith("gQ")
    again = opened(account, scan)
    assert between(again, "Event") == "SCAN" and between(again, "EventKey") == "store-017"
    assert between(opened(account, leave), "Event") == "unsubscribe"


@pytest.mark.parametrize("mode", ["plain", "compatible"])
def test_plain_and_compatible_modes(world: World, product: Product, mode: str) -> None:
    account = connect(world, product, OA)
    world.control("PUT", f"accounts/{OA}/settings", {"mode": mode})
    world.act("follow", person="lin")
    world.act("send_text", person="lin", text="a ]]> b & <c>")
    world.idle()
    follow, text = product.pushes()
    assert "<Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[]]></EventKey></xml>" in follow[
        "body"
    ] or ("<EventKey><![CDATA[]]></EventKey><Encrypt>" in follow["body"])
    assert "<Content><![CDATA[a ]]]]><![CDATA[> b & <c>]]></Content>" in text["body"]
    query = text["query"]
    assert query["signature"] == sha(account["token"], query["timestamp"], query["nonce"])
    assert ("encrypt_type" in query) is (mode == "compatible")
    if mode == "compatible":
        content, receiver, _ = unseal(account["aes_key"], between(text["body"], "Encrypt"))
        assert receiver == OA
        assert content == text["body"].split("<Encrypt>")[0] + "</xml>"


def test_places(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    world.act("follow", person="lin")
    world.act("report_location", person="lin", city="杭州")
    world.act("send_location", person="lin", latitude=31.230391, longitude=121.473701, label="某路1号")
    world.idle()
    report, message = (opened(account, push) for push in product.pushes()[1:])
    assert report.endswith(
        "<Event><![CDATA[LOCATION]]></Event><Latitude>30.259244</Latitude><Longitude>120.165030</Longitude>"
        "<Precision>65.000000</Precision></xml>"
    )
    # X is the latitude.
    assert "<Location_X>31.230391</Location_X><Location_Y>121.473701</Location_Y>" in message
    assert "<Label><![CDATA[某路1号]]></Label><MsgId>" in message
    assert world.act("report_location", status=400, person="lin", city="不存在")["ok"] is False


def mini(account: dict[str, Any], push: dict[str, Any]) -> dict[str, Any]:
    sealed = json.loads(push["body"])
    assert set(sealed) == {"ToUserName", "Encrypt"}
    query = push["query"]
    expected = sha(account["token"], query["timestamp"], query["nonce"], sealed["Encrypt"])
    assert query["msg_signature"] == expected
    content, receiver, _ = unseal(account["aes_key"], sealed["Encrypt"])
    assert receiver == MINI
    return dict(json.loads(content))


def test_mini_program_json(world: World, product: Product) -> None:
    account = connect(world, product, MINI)
    world.act("mini_message", person="lin", text="有优惠吗")
    world.act("mini_enter_session", person="lin", session_from="from=store17")
    one = [{"id": "TPL1", "status": "accept"}]
    world.act("subscribe_popup", person="lin", appid=MINI, templates=one)
    world.switches({"wechat.json_list_shape": "array", "wechat.json_create_time": "string"})
    world.act("subscribe_popup", person="lin", appid=MINI, templates=one)
    world.idle()
    text, session, popup, listed = (mini(account, push) for push in product.pushes())
    assert (
        text["Content"] == "有优惠吗"
        and isinstance(text["MsgId"], int)
        and isinstance(text["CreateTime"], int)
    )
    assert session["Event"] == "user_enter_tempsession" and session["SessionFrom"] == "from=store17"
    assert popup["List"] == {"TemplateId": "TPL1", "SubscribeStatusString": "accept", "PopupScene": "0"}
    assert listed["List"] == [popup["List"]] and isinstance(listed["CreateTime"], str)


def test_mini_program_xml(world: World, product: Product) -> None:
    account = connect(world, product, MINI)
    world.control("PUT", f"accounts/{MINI}/settings", {"format": "xml"})
    world.act("mini_enter_session", person="lin", session_from="x")
    world.idle()
    content = opened(account, product.pushes()[0])
    assert (
        "<Event><![CDATA[user_enter_tempsession]]></Event><SessionFrom><![CDATA[x]]></SessionFrom>" in content
    )


def test_privacy_events_come_from_the_platform(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    world.act("follow", person="lin")
    world.act("revoke", person="lin", info="206")
    world.act("cancel_account", person="lin")
    world.idle()
    revoke, cancel = (opened(account, push) for push in product.pushes()[1:])
    assert between(revoke, "FromUserName") != world.openid("lin")
    assert between(revoke, "OpenID") == world.openid("lin") and between(revoke, "AppID") == OA
    assert between(revoke, "RevokeInfo") == "206"
    assert between(revoke, "UnionID") == world.person("lin")["unionids"]["sandbox-open"]
    assert between(cancel, "Event") == "user_authorization_cancellation"


def test_template_message_reports_its_end(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    body = {"touser": world.openid("lin"), "template_id": "TPL", "data": {"thing1": {"value": "x"}}}
    assert world.wechat("cgi-bin/message/template/send", body)["errcode"] == 43004
    world.act("follow", person="lin")
    sent = world.wechat("cgi-bin/message/template/send", body)
    world.idle()
    content = opened(account, product.pushes()[-1])
    assert between(content, "Event") == "TEMPLATESENDJOBFINISH"
    assert between(content, "MsgID") == str(sent["msgid"]) and between(content, "Status") == "success"


def test_events_go_to_every_app_with_the_member_in_range(world: World, product: Product) -> None:
    second = world.control("POST", "accounts", {"kind": "wecom", "corpid": CORP, "agentid": 1000009})
    key = f"{CORP}:1000009"
    world.control("PUT", f"accounts/{key}/settings", {"visible": ["ChenYu"]})
    assert second["corpid"] == CORP
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.act("add_friend", person="lin", userid="ChenYu")
    accounts = [row["account"] for row in world.idle()]
    assert accounts == [CORP, CORP, key]


def passive(account: dict[str, Any], nonce: str = "n1", **wrong: str) -> str:
    inner = (
        "<xml><ToUserName><![CDATA[o1]]></ToUserName><FromUserName><![CDATA[gh_1]]></FromUserName>"
        "<CreateTime>1</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hi]]></Content></xml>"
    )
    sealed = seal(account["aes_key"], inner, wrong.get("receiver", account["appid"]))
    sign = wrong.get("sign") or sha(account["token"], "123", nonce, sealed)
    return (
        f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt><MsgSignature><![CDATA[{sign}]]></MsgSignature>"
        f"<TimeStamp>123</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
    )


def test_passive_replies_are_checked(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    world.switches({"callbacks.repeat_on_bad_body": False})
    answers = [
        (passive(account), "passive"),
        ("success", "success"),
        ("", "empty"),
        (passive(account, sign="0" * 40), "invalid"),
        (passive(account, receiver="wx0"), "invalid"),
        ("<xml><MsgType>text</MsgType></xml>", "invalid"),
        ('{"ok":true}', "invalid"),
    ]
    world.act("follow", person="lin")
    world.idle()
    for body, kind in answers:
        product.reply = lambda _, body=body: (200, body)
        world.act("send_text", person="lin", text="x")
        tried = world.idle()[-1]
        assert tried["reply"]["kind"] == kind, body
        assert tried["ok"] is (kind != "invalid")
