"""The self-test of a binding: one line a thing, ok or what to do."""

from typing import Any

import pytest
from apiflask import APIFlask

from tests.platforms.conftest import MINI, OFFICIAL, SECRET, WECOM_ACCOUNT
from tests.platforms.scripted import Platform, Raw
from wxtag.platforms.check import CheckLine, check

MEMBERS = "/cgi-bin/externalcontact/get_follow_user_list"
BATCH = "/cgi-bin/externalcontact/batch/get_by_user"
AGENT = "/cgi-bin/agent/get"
MONDAY = 1_772_400_000_000


def by_name(lines: list[CheckLine]) -> dict[str, CheckLine]:
    assert len({line.name for line in lines}) == len(lines), lines
    assert all("\n" not in line.text and line.text for line in lines)
    return {line.name: line for line in lines}


def contact(number: int, unionid: str = "", kind: int = 1) -> dict[str, Any]:
    found = {"external_userid": f"wm{number}", "type": kind} | ({"unionid": unionid} if unionid else {})
    return {"external_contact": found, "follow_info": {"userid": "zhao"}}


@pytest.fixture
def wecom_ok(here: APIFlask, platform: Platform) -> Platform:
    platform.on(MEMBERS, {"errcode": 0, "follow_user": ["zhao", "qian"]})
    platform.on(AGENT, {"errcode": 0, "name": "标签", "close": 0, "allow_partys": {"partyid": [1]}})
    platform.on(BATCH, {"errcode": 0, "external_contact_list": [contact(1, "u1"), contact(1), contact(2)]})
    return platform


@pytest.fixture
def fans_ok(here: APIFlask, platform: Platform) -> Platform:
    platform.on("/cgi-bin/user/get", {"total": 2, "data": {"openid": ["o1", "o2"]}, "next_openid": "o2"})
    platform.on("/cgi-bin/user/info", {"subscribe": 1, "openid": "o2"})
    fans = [{"subscribe": 1, "openid": "o1", "unionid": "u1"}, {"subscribe": 0, "openid": "o2"}]
    platform.on("/cgi-bin/user/info/batchget", {"user_info_list": fans})
    off = {"is_add_friend_reply_open": 0, "is_autoreply_open": 0}
    platform.on("/cgi-bin/get_current_autoreply_info", off)
    return platform


def test_a_good_wecom_binding(wecom_ok: Platform) -> None:
    lines = check(WECOM_ACCOUNT, MONDAY)
    assert all(line.ok for line in lines), lines
    assert list(by_name(lines)) == ["凭证", "可信IP", "权限", "应用", "unionid", "回调"]
    assert "2026-03-0" in by_name(lines)["回调"].text


def test_a_good_official_account(fans_ok: Platform) -> None:
    lines = check(OFFICIAL, MONDAY)
    assert all(line.ok for line in lines), lines
    assert list(by_name(lines)) == ["凭证", "可信IP", "权限", "unionid", "自动回复", "回调"]


def test_a_good_mini_program(here: APIFlask, platform: Platform) -> None:
    lines = check(MINI, MONDAY)
    assert all(line.ok for line in lines) and list(by_name(lines)) == ["凭证", "可信IP", "回调"]


def test_a_wrong_secret(here: APIFlask, platform: Platform) -> None:
    platform.on("/cgi-bin/gettoken", {"errcode": 40001, "errmsg": f"invalid credential {SECRET}"})
    lines = by_name(check(WECOM_ACCOUNT, MONDAY))
    assert list(lines) == ["凭证", "回调"]
    assert not lines["凭证"].ok and "Secret" in lines["凭证"].text and SECRET not in lines["凭证"].text


def test_a_secret_that_was_reset_shows_although_a_token_is_kept(wecom_ok: Platform) -> None:
    assert by_name(check(WECOM_ACCOUNT))["凭证"].ok
    wecom_ok.on("/cgi-bin/gettoken", {"errcode": 40001, "errmsg": "invalid credential"})
    assert not by_name(check(WECOM_ACCOUNT))["凭证"].ok


def test_the_address_to_enter_for_wecom(wecom_ok: Platform) -> None:
    errmsg = "not allow to access from your ip, hint: [17357], from ip: 203.0.113.9, more info at https://x"
    wecom_ok.on(MEMBERS, {"errcode": 60020, "errmsg": errmsg, "follow_user": []})
    line = by_name(check(WECOM_ACCOUNT))["可信IP"]
    assert not line.ok and line.text.endswith("请加入 203.0.113.9")


def test_the_address_to_enter_for_wechat(here: APIFlask, platform: Platform) -> None:
    errmsg = "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 68a1b2c3-0d0e0f01"
    platform.on("/cgi-bin/stable_token", {"errcode": 40164, "errmsg": errmsg})
    line = by_name(check(OFFICIAL))["可信IP"]
    assert not line.ok and line.text.endswith("请加入 203.0.113.9")
    platform.on("/cgi-bin/stable_token", {"access_token": "AT", "expires_in": 7200})
    assert by_name(check(OFFICIAL))["可信IP"].ok  # the mended list shows at once


def test_missing_permission(wecom_ok: Platform) -> None:
    wecom_ok.on(MEMBERS, {"errcode": 48002, "errmsg": "api forbidden", "follow_user": []})
    line = by_name(check(WECOM_ACCOUNT))["权限"]
    assert not line.ok and "可调用接口的应用" in line.text and "48002" in line.text


def test_missing_permission_of_an_official_account(fans_ok: Platform) -> None:
    fans_ok.on("/cgi-bin/user/info", {"errcode": 48001, "errmsg": "api unauthorized"})
    lines = by_name(check(OFFICIAL))
    assert not lines["权限"].ok and "认证" in lines["权限"].text


def test_nobody_may_have_customers(wecom_ok: Platform) -> None:
    wecom_ok.on(MEMBERS, {"errcode": 0, "follow_user": []})
    lines = by_name(check(WECOM_ACCOUNT))
    assert not lines["权限"].ok and "使用范围" in lines["权限"].text
    assert wecom_ok.count(BATCH) == 0


@pytest.mark.parametrize(
    ("agent", "word"),
    [
        ({"errcode": 0, "close": 1, "allow_partys": {"partyid": [1]}}, "启用"),
        ({"errcode": 0, "close": 0, "allow_userinfos": {"user": []}, "allow_partys": {}}, "可见范围"),
        ({"errcode": 301002, "errmsg": "not allow operate another agent"}, "不是同一个应用"),
    ],
)
def test_the_app(wecom_ok: Platform, agent: dict[str, Any], word: str) -> None:
    wecom_ok.on(AGENT, agent)
    line = by_name(check(WECOM_ACCOUNT))["应用"]
    assert not line.ok and word in line.text


def test_an_app_that_cannot_be_read_now_says_nothing(wecom_ok: Platform) -> None:
    wecom_ok.on(AGENT, Raw(404))
    assert "应用" not in by_name(check(WECOM_ACCOUNT))


def test_missing_unionid(wecom_ok: Platform, fans_ok: Platform) -> None:
    wecom_ok.on(BATCH, {"errcode": 0, "external_contact_list": [contact(1), contact(2), contact(3, "u", 2)]})
    line = by_name(check(WECOM_ACCOUNT))["unionid"]
    assert not line.ok and "抽查 2 位" in line.text and "微信开发者账号" in line.text
    fans_ok.on("/cgi-bin/user/info/batchget", {"user_info_list": [{"subscribe": 1, "openid": "o1"}]})
    line = by_name(check(OFFICIAL))["unionid"]
    assert not line.ok and "开放平台" in line.text


@pytest.mark.parametrize("answer", [{"errcode": 84061, "errmsg": "not external contact"}, {"errcode": 0}])
def test_no_customers_yet(wecom_ok: Platform, answer: dict[str, Any]) -> None:
    wecom_ok.on(BATCH, answer)
    line = by_name(check(WECOM_ACCOUNT))["unionid"]
    assert line.ok and "还没有" in line.text


def test_no_fans_yet(fans_ok: Platform) -> None:
    fans_ok.on("/cgi-bin/user/get", {"total": 0, "count": 0, "next_openid": ""})
    lines = by_name(check(OFFICIAL, MONDAY))
    assert all(line.ok for line in lines.values())


def test_automatic_replies_are_warned_of(fans_ok: Platform) -> None:
    fans_ok.on("/cgi-bin/get_current_autoreply_info", {"is_autoreply_open": 1})
    line = by_name(check(OFFICIAL))["自动回复"]
    assert not line.ok and "自定义菜单" in line.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"errcode": 40201, "errmsg": "no url"}, "尚未设置"),
        ({"ping": [{"ip": "203.0.113.5", "package_loss": "100%"}]}, "无法连到"),
        ({"ping": [{"ip": "203.0.113.5", "package_loss": "0%"}]}, "EncodingAESKey"),
        (Raw(404), "EncodingAESKey"),
    ],
)
def test_no_callback_yet(fans_ok: Platform, answer: Any, words: str) -> None:
    fans_ok.on("/cgi-bin/callback/check", answer)
    line = by_name(check(OFFICIAL))["回调"]
    assert not line.ok and words in line.text
    assert f"https://scrm.example.com/callbacks/official-account/{OFFICIAL.appid}" in line.text


@pytest.mark.parametrize(
    "broken", [Raw(500), Raw(200, b"<html>"), {"errcode": 0, "follow_user": 7, "data": [1]}, {"errcode": -1}]
)
def test_it_never_raises(here: APIFlask, platform: Platform, broken: Any) -> None:
    for path in (
        *(MEMBERS, AGENT, BATCH, "/cgi-bin/user/get", "/cgi-bin/user/info", "/cgi-bin/callback/check"),
        *("/cgi-bin/user/info/batchget", "/cgi-bin/get_current_autoreply_info"),
    ):
        platform.on(path, broken)
    for bound in (WECOM_ACCOUNT, OFFICIAL, MINI):
        assert check(bound)
    platform.on(MEMBERS, {"errcode": 0, "follow_user": ["zhao"]})
    platform.on(BATCH, {"errcode": 0, "external_contact_list": ["what", 7]})
    assert not by_name(check(WECOM_ACCOUNT))["unionid"].ok
    platform.stop()
    for bound in (WECOM_ACCOUNT, OFFICIAL, MINI):
        assert not check(bound)[0].ok
