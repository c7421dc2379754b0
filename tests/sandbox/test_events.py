"""Events and messages with the elements of the reference pages, in their order."""

import base64
import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.sandbox.conftest import CORP, MINI, OA, Product, World
from tests.sandbox.opening import between, connect, opened, sha, unseal
from tests.sandbox.test_imports import app

PLACE = {"latitude": 31.230391, "longitude": 121.473701}
# Act, body, MsgType or Event, and the elements behind the head.
OF_FANS: list[tuple[str, dict[str, Any], str, str]] = [
    ("menu_mini_program", {"page": "pages/a"}, "view_miniprogram", "EventKey MenuId"),
    ("menu_scan", {"key": "k", "result": "COUPON-88"}, "scancode_push",
     "EventKey ScanCodeInfo ScanType ScanResult"),
    ("menu_scan", {"key": "k", "wait": True}, "scancode_waitmsg",
     "EventKey ScanCodeInfo ScanType ScanResult"),
    ("menu_photo", {"count": 2, "from": "camera"}, "pic_sysphoto",
     "EventKey SendPicsInfo Count PicList item PicMd5Sum item PicMd5Sum"),
    ("menu_photo", {"from": "album"}, "pic_weixin", "EventKey SendPicsInfo Count PicList item PicMd5Sum"),
    ("menu_location", PLACE, "location_select",
     "EventKey SendLocationInfo Location_X Location_Y Scale Label Poiname"),
    ("send_voice", {"recognition": "你好"}, "voice", "MediaId Format Recognition MsgId"),
    ("send_video", {}, "video", "MediaId ThumbMediaId MsgId"),
    ("send_video", {"short": True}, "shortvideo", "MediaId ThumbMediaId MsgId"),
    ("send_link", {"title": "t", "url": "https://e.com/a"}, "link", "Title Description Url MsgId"),
    ("send_text", {"text": "x", "menu_id": "7", "article": "99"}, "text",
     "Content bizmsgmenuid MsgId MsgDataId Idx"),
    ("template_result", {"status": "failed:user block"}, "TEMPLATESENDJOBFINISH", "MsgID Status"),
    ("subscribe_change", {"templates": [{"id": "T1"}]}, "subscribe_msg_change_event",
     "SubscribeMsgChangeEvent List TemplateId SubscribeStatusString"),
    ("subscribe_sent", {}, "subscribe_msg_sent_event",
     "SubscribeMsgSentEvent List TemplateId MsgID ErrorCode ErrorStatus"),
    ("agent_session", {"what": "switch"}, "kf_switch_session", "FromKfAccount ToKfAccount"),
    ("card_got", {}, "user_get_card", "CardId IsGiveByFriend UserCardCode OuterStr UnionId"),
    ("cancel_account", {}, "user_authorization_cancellation", "OpenID UnionID AppID"),
    ("revoke", {"info": "201"}, "user_authorization_revoke", "OpenID UnionID AppID RevokeInfo"),
    ("info_modified", {}, "user_info_modified", "OpenID UnionID AppID"),
]  # fmt: skip


def names(content: str) -> list[str]:
    """The elements in their order, without the head."""
    found = re.findall(r"<([A-Za-z][A-Za-z0-9_]*)>", content)
    return [name for name in found if name not in _HEAD]


_HEAD = {"xml", "ToUserName", "FromUserName", "CreateTime", "MsgType", "Event", "AgentID", "ChangeType"}


@pytest.mark.parametrize("verb,body,kind,elements", OF_FANS)
def test_pushes_of_an_official_account(
    world: World, product: Product, verb: str, body: dict[str, Any], kind: str, elements: str
) -> None:
    world.act("follow", person="lin")
    world.idle()
    account = connect(world, product, OA)
    world.control("POST", f"act/{verb}", {"person": "lin", **body})
    world.idle()
    content = opened(account, product.pushes()[0])
    shown = between(content, "MsgType")
    assert (between(content, "Event") if shown == "event" else shown) == kind
    assert names(content) == elements.split()


def test_the_place_of_a_menu_follows_as_a_message(world: World, product: Product) -> None:
    world.act("follow", person="lin")
    account = connect(world, product, OA)
    world.act("menu_location", person="lin", **PLACE)
    world.idle()
    kinds = [between(opened(account, push), "MsgType") for push in product.pushes()]
    assert kinds == ["event", "location"]


def test_a_mass_message_ends(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    world.act("mass_result", total=100, errors=3, urls=["https://e.com/1"])
    world.idle()
    content = opened(account, product.pushes()[0])
    assert between(content, "SentCount") == "97" and between(content, "Status") == "send success"
    assert between(content, "ArticleUrl") == "https://e.com/1"


@pytest.mark.parametrize("shape", ["xml", "json"])
def test_pushes_of_a_mini_program_in_both_formats(world: World, product: Product, shape: str) -> None:
    world.control("PUT", f"accounts/{MINI}/settings", {"format": shape, "mode": "plain"})
    connect(world, product, MINI)
    world.act("mini_image", person="lin")
    world.act("mini_card", person="lin", title="t", page="pages/a")
    world.act("media_checked", appid=MINI, suggest="risky", label=20001)
    world.act("subscribe_change", person="lin", appid=MINI, templates=[{"id": "T1"}])
    fields = {"SuccTime": 1790000000, "Nested": {"A": "b"}}
    world.act("any_event", appid=MINI, event="weapp_audit_success", fields=fields)
    world.idle()
    bodies = [push["body"] for push in product.pushes()]
    assert len(bodies) == 5
    if shape == "xml":
        assert [names(body) for body in bodies[:2]] == [
            ["PicUrl", "MediaId", "MsgId"],
            ["Title", "AppId", "PagePath", "ThumbUrl", "ThumbMediaId", "MsgId"],
        ]
        assert "<SuccTime>1790000000</SuccTime><Nested><A><![CDATA[b]]></A></Nested>" in bodies[4]
        return
    found = [json.loads(body) for body in bodies]
    assert found[1]["AppId"] == MINI and found[1]["MsgType"] == "miniprogrampage"
    assert found[2]["result"] == {"suggest": "risky", "label": 20001}
    assert found[2]["detail"][0]["strategy"] == "content_model"
    assert found[3]["List"] == {"TemplateId": "T1", "SubscribeStatusString": "reject"}
    assert found[4]["SuccTime"] == 1790000000 and found[4]["Nested"] == {"A": "b"}


def test_members_and_departments_for_the_apps_that_get_them(world: World, product: Product) -> None:
    """Contact sync of today gets ids only; a self-built app learns who comes into its range."""
    sync = app(world, "contact_sync", token="syncToken", aes_key="a" * 43)
    account = connect(world, product, CORP)
    settings = {"callback_url": f"{product.url}/sync"}
    world.control("PUT", f"accounts/{sync}/settings", settings)
    other = {**account, "token": "syncToken", "aes_key": "a" * 43}
    world.act("staff_create", userid="WuFan", name="吴凡", department=2)
    world.act("staff_update", userid="WuFan", name="吴帆")
    world.act("staff_update", userid="WuFan", new_userid="Wu.Fan", departments=[2, 7])
    world.act("party_create", id=8, name="二店")
    world.act("party_update", id=8, name="三店")
    world.act("party_update", id=8, parentid=2)
    world.act("party_delete", id=8)
    world.act("staff_leave", userid="wu.fan")
    world.idle()
    own = [opened(account, push) for push in product.pushes() if push["path"] != "/sync"]
    assert [(between(c, "Event"), between(c, "FromUserName")) for c in own] == [
        ("subscribe", "WuFan"), ("unsubscribe", "Wu.Fan"),
    ]  # fmt: skip
    told = [opened(other, push) for push in product.pushes() if push["path"] == "/sync"]
    assert [(between(c, "ChangeType"), names(c)) for c in told] == [
        ("create_user", ["UserID", "Department"]),
        ("update_user", ["UserID", "NewUserID", "Department"]),
        ("create_party", ["Id", "ParentId"]),
        ("update_party", ["Id", "ParentId"]),
        ("delete_party", ["Id"]),
        ("delete_user", ["UserID"]),
    ]
    assert between(told[1], "NewUserID") == "Wu.Fan" and between(told[1], "Department") == "2,7"


def test_an_app_of_a_corp_may_choose_json(world: World, product: Product) -> None:
    world.control("PUT", f"accounts/{CORP}/settings", {"format": "json"})
    account = connect(world, product, CORP)
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.idle()
    push = product.pushes()[0]
    body = json.loads(push["body"])
    assert set(body) == {"tousername", "agentid", "encrypt"}
    query = push["query"]
    assert query["msg_signature"] == sha(
        account["token"], query["timestamp"], query["nonce"], body["encrypt"]
    )
    found = json.loads(unseal(account["aes_key"], body["encrypt"])[0])
    assert found["ChangeType"] == "add_external_contact" and found["UserID"] == "ZhaoMin"


def test_a_renamed_member_keeps_the_customers(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.act("staff_update", userid="ZhaoMin", new_userid="zhao.min")
    assert world.wecom("externalcontact/list", userid="Zhao.Min")["external_userid"] == [
        world.external("lin")
    ]
    assert world.wecom("user/get", userid="ZhaoMin")["errcode"] == 60111
    found = world.wecom("externalcontact/get", external_userid=world.external("lin"))
    assert found["follow_user"][0]["userid"] == "zhao.min"


@pytest.mark.parametrize(
    "event,elements",
    [
        ("enter_agent", "EventKey"),
        ("scancode_waitmsg", "EventKey ScanCodeInfo ScanType ScanResult"),
        ("pic_weixin", "EventKey SendPicsInfo Count PicList item PicMd5Sum"),
        ("template_card_event", "EventKey TaskId CardType ResponseCode"),
        ("batch_job_result", "BatchJob JobId JobType ErrCode ErrMsg"),
    ],
)
def test_events_of_members_in_an_app(world: World, product: Product, event: str, elements: str) -> None:
    account = connect(world, product, CORP)
    world.act("agent_event", userid="ZhaoMin", event=event)
    world.idle()
    content = opened(account, product.pushes()[0])
    assert names(content) == elements.split() and between(content, "Event") == event
    assert between(content, "FromUserName") == "ZhaoMin" and between(content, "AgentID") == "1000002"


def test_places_and_messages_of_members(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    world.act("agent_location", userid="ZhaoMin", city="上海")
    world.act("agent_message", userid="ZhaoMin", text="在吗")
    world.act("agent_message", userid="ZhaoMin", type="location", city="上海")
    world.idle()
    contents = [opened(account, push) for push in product.pushes()]
    assert names(contents[0]) == ["Latitude", "Longitude", "Precision", "AppType"]
    assert names(contents[1]) == ["Content", "MsgId"]
    assert names(contents[2]) == ["Location_X", "Location_Y", "Scale", "Label", "AppType", "MsgId"]


def test_archive_acquisition_and_rule_group_tags(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    world.act("add_friend", person="lin", userid="ZhaoMin", link_id="cawcde", state="channel-1")
    world.act("archive_agreed", person="lin", userid="ZhaoMin")
    rules = {"strategy_name": "华东", "admin_list": ["ZhaoMin"]}
    number = world.wecom("externalcontact/customer_strategy/create", rules)["strategy_id"]
    made = world.act("admin_tag_create", group_name="意向", names=["高"], strategy_id=number)
    world.act("admin_tag_shuffle", group_id=made["group_id"], ids=list(made["tag_ids"].values()))
    world.idle()
    contents = [opened(account, push) for push in product.pushes()]
    assert between(contents[0], "LinkId") == "cawcde" and between(contents[0], "State") == "channel-1"
    assert between(contents[1], "ChangeType") == "msg_audit_approved"
    assert [between(content, "StrategyId") for content in contents[2:]] == [str(number)] * 3
    assert names(contents[4]) == ["Id", "StrategyId"]


def test_sealed_data_of_a_mini_program(world: World) -> None:
    world.act("encrypted_data", status=400, person="lin")
    code = world.act("js_code", person="lin")["code"]
    query = {"appid": MINI, "secret": world.account(MINI)["secret"], "js_code": code}
    session = world.raw("wechat-api/sns/jscode2session", params=query).json()["session_key"]
    sealed = world.act("encrypted_data", person="lin", of="user")
    key, iv = base64.b64decode(session), base64.b64decode(sealed["iv"])
    opening = Cipher(algorithms.AES(key[:16]), modes.CBC(iv)).decryptor()
    full = opening.update(base64.b64decode(sealed["encryptedData"])) + opening.finalize()
    found = json.loads(full[: -full[-1]])
    assert found["unionId"] == world.person("lin")["unionids"]["sandbox-open"]
    assert found["watermark"]["appid"] == MINI
    ask = {"encrypted_msg_hash": sealed["hash"]}
    assert world.wechat("wxa/business/checkencryptedmsg", ask, appid=MINI)["vaild"] is True
    paid = {
        "openid": world.openid("lin", MINI),
        "transaction_id": world.act("pay", person="lin")["transaction_id"],
    }
    assert world.wechat("wxa/getpaidunionid", appid=MINI, **paid)["unionid"] == found["unionId"]
