"""What each recorded message means; every event that a table names has its payload."""

import json
from pathlib import Path

import pytest
import xmltodict

from tests.callbacks.playing import account
from wxtag.errors import InputError
from wxtag.events import answers, mini_program
from wxtag.events.decoded import Decoded, identity
from wxtag.events.meaning import CALLBACKS, OURS, decode, name_of, person_of

PAYLOADS = Path(__file__).parent / "payloads"
ACCOUNTS = {
    "official_account": account("official_account", "wx5c0ffee5c0ffee01", 3, open_platform="open-1"),
    "mini_program": account("mini_program", "wx5c0ffee5c0ffee02", 4, open_platform="open-1"),
    "wecom": account("wecom", "ww0demo0000000001", 5, open_platform="open-1"),
}
RECEIVED = 1_790_000_400_000


def content(platform: str, event: str) -> dict:
    path = next(PAYLOADS.joinpath(platform).glob(f"{event}.*"))
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else xmltodict.parse(text)["xml"]


def meaning(platform: str, found: dict) -> Decoded:
    bound = ACCOUNTS[platform]
    return decode("callback", name_of(bound, found), bound, found, RECEIVED, "gcj02")


def summary(decoded: Decoded) -> dict:
    found = {
        "events": [(e.kind, e.who.value, e.at, e.channel, e.place) for e in decoded.events],
        "relations": [(r.userid, r.status, r.state) for r in decoded.relations],
        "asks": [q.kind for q in decoded.questions],
        "active": [p.active for p in decoded.profiles],
    }
    return {key: value for key, value in found.items() if value}


FAN, MINI, LIN = (
    "oScrm0_demo-fan-openid-00001",
    "oMini0_demo-user-openid-0001",
    "wmDEMO0000000000000000000000001A",
)


@pytest.mark.parametrize("platform", CALLBACKS)
def test_what_nobody_reads_is_ignored_by_its_name(platform):
    decoded = meaning(platform, {"FromUserName": "x", "MsgType": "event", "Event": "card_pass_check"})
    assert decoded.ignored == "event.card_pass_check"
    assert summary(decoded) == {}


@pytest.mark.parametrize("value", ["", "  ", "null", "undefined", "0", "NULL", None, "x" * 129])
def test_ids_that_mean_nothing_are_nobody(value):
    assert identity("openid", "wx1", value) is None
    found = content("official_account", "event.scan") | {"FromUserName": value}
    with pytest.raises(InputError, match="FromUserName"):
        meaning("official_account", found)


@pytest.mark.parametrize("key", ["", "scanbarcode|123", "last_trade_no_77", "qrscene_"])
def test_only_a_qr_scene_is_a_channel(key):
    decoded = meaning("official_account", content("official_account", "event.subscribe") | {"EventKey": key})
    assert decoded.events[0].channel is None


def test_a_meaningless_unionid_joins_nothing():
    bound = ACCOUNTS["official_account"]
    for unionid in ("", "null", None):
        asked = {"subject": FAN, "answer": {"subscribe": 1, "unionid": unionid}}
        assert answers.user_info(bound, asked, RECEIVED, "").links == []
    for unionid in ("", "undefined", None):
        login = {"openid": MINI, "unionid": unionid}
        assert mini_program.login(ACCOUNTS["mini_program"], login, RECEIVED, "").links == []


def test_an_answer_names_every_relation_and_only_tags_with_an_id():
    answer = {
        "external_contact": {"name": "小满", "type": 1, "unionid": "uLin"},
        "follow_user": [
            {
                "userid": "lin.mei",
                "remark": "店A",
                "createtime": 1735690000,
                "add_way": 1,
                "state": "poster-042",
                "tags": [
                    {"group_name": "会员等级", "tag_name": "金卡", "tag_id": "et1", "type": 1},
                    {"group_name": "个人", "tag_name": "老同学", "type": 2},
                    {"group_name": "华东", "tag_name": "高意向", "tag_id": "st9", "type": 3},
                ],
            },
            {"userid": "zhou", "createtime": 1735690001},
        ],
    }
    bound = ACCOUNTS["wecom"]
    decoded = answers.contact(bound, {"subject": LIN, "answer": answer}, RECEIVED, "")
    assert [(r.userid, r.tags, r.state) for r in decoded.relations] == [
        ("lin.mei", ("et1", "st9"), "poster-042"),
        ("zhou", (), None),
    ]
    assert [(link.one.value, link.other.value) for link in decoded.links] == [(LIN, "uLin")]
    assert decoded.all_relations[0].external_userid == LIN


def test_the_reports_of_a_mini_program_lose_their_coordinates():
    reports = [
        {"kind": "launch", "scene": "1047", "channel": "store-017"},
        {"kind": "location", "latitude": 30.2741, "longitude": 120.1551},
        {"kind": "device", "brand": "HUAWEI", "model": "ALN-AL10", "imei": "secret"},
        {"kind": "no such thing"},
        "rubbish",
    ]
    found = {"openid": MINI, "events": reports}
    decoded = decode("mini", "events", ACCOUNTS["mini_program"], found, RECEIVED, "gcj02")
    assert [(e.kind, e.channel, e.place) for e in decoded.events] == [
        ("launched", "store-017", None),
        ("located", None, "330100"),
        ("reported_device", None, None),
    ]
    assert decoded.events[2].properties == {"brand": "HUAWEI", "model": "ALN-AL10"}
    assert "30.27" not in str(decoded)


@pytest.mark.parametrize(
    ("found", "person"),
    [
        ({"FromUserName": "sys", "ExternalUserID": "wm1"}, "wm1"),
        ({"FromUserName": "sys"}, ""),
        ({"FromUserName": "oPush", "MsgType": "event", "Event": "user_info_modified", "OpenID": "o1"}, "o1"),
        ({"FromUserName": "o2"}, "o2"),
    ],
)
def test_the_person_of_a_message(found, person):
    assert person_of(found) == person


def test_our_own_records_all_have_a_reader():
    assert set(OURS) >= {("mini", "login"), ("mini", "phone"), ("mini", "events"), ("lookup", "contact")}
    unknown = decode("mini", "later", ACCOUNTS["mini_program"], {}, RECEIVED, "")
    assert unknown.ignored == "mini.later"
