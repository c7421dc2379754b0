"""The WeChat calls: fans, web authorisation, mini-program."""

from typing import Any

import pytest

from tests.platforms.conftest import MINI, OFFICIAL, SECRET
from tests.platforms.scripted import Platform
from wxtag.errors import PlatformError
from wxtag.platforms import MiniProgram, OfficialAccount

USER = "/cgi-bin/user/get"
LOGIN = "/sns/jscode2session"
PHONE = "/wxa/business/getuserphonenumber"
OAUTH = "/sns/oauth2/access_token"


def test_fans_one_by_one_and_in_batches(fans: OfficialAccount, platform: Platform) -> None:
    platform.on("/cgi-bin/user/info", {"subscribe": 1, "openid": "o1", "unionid": "u1"})
    assert fans.user_info("o1")["unionid"] == "u1"
    assert platform.last("/cgi-bin/user/info").query["openid"] == "o1"
    batch = "/cgi-bin/user/info/batchget"
    platform.on(batch, {"user_info_list": [{"openid": "o1"}, {"openid": "o2"}]})
    assert [one["openid"] for one in fans.users_info(["o1", "o2"])] == ["o1", "o2"]
    assert [one["openid"] for one in platform.last(batch).body["user_list"]] == ["o1", "o2"]
    assert fans.users_info([]) == [] and platform.count(batch) == 1


@pytest.mark.parametrize(
    "ending",
    [
        {"total": 3, "count": 1, "data": {"openid": ["o3"]}, "next_openid": ""},
        {"total": 3, "count": 0, "next_openid": ""},
        {"total": 3, "count": 1, "data": {"openid": ["o2"]}, "next_openid": "o2"},
        {"total": 3, "count": 0, "data": {"openid": []}, "next_openid": "o9"},
    ],
    ids=["no next", "no data", "same again", "empty page"],
)
def test_the_list_of_fans_ends(fans: OfficialAccount, platform: Platform, ending: dict[str, Any]) -> None:
    platform.on(USER, {"total": 3, "count": 2, "data": {"openid": ["o1", "o2"]}, "next_openid": "o2"}, ending)
    assert fans.followers() == (["o1", "o2"], "o2", 3)
    assert "next_openid" not in platform.last(USER).query
    openids, following, _ = fans.followers("o2")
    assert following == "" and len(openids) <= 1
    assert platform.last(USER).query["next_openid"] == "o2"


def test_web_authorisation_keeps_the_snapshot_mark(fans: OfficialAccount, platform: Platform) -> None:
    answer = {"access_token": "PERSON-TOKEN", "openid": "o1", "scope": "snsapi_base", "is_snapshotuser": 1}
    platform.on(OAUTH, answer)
    found = fans.oauth_user("CODE1")
    assert found == answer and found["is_snapshotuser"] == 1
    assert "PERSON-TOKEN" not in repr(found) and "PERSON-TOKEN" not in f"{found}"
    assert platform.last(OAUTH).query == {
        "appid": OFFICIAL.appid,
        "secret": SECRET,
        "code": "CODE1",
        "grant_type": "authorization_code",
    }
    platform.on("/sns/userinfo", {"openid": "o1", "nickname": "小满"})
    assert fans.oauth_profile("PERSON-TOKEN", "o1")["nickname"] == "小满"
    assert platform.count("/cgi-bin/stable_token") == 0


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_a_refused_person_token_refreshes_nothing(
    fans: OfficialAccount, platform: Platform, code: int
) -> None:
    platform.on("/sns/userinfo", {"errcode": code, "errmsg": "invalid credential"})
    with pytest.raises(PlatformError) as raised:
        fans.oauth_profile("PERSON-TOKEN", "o1")
    assert raised.value.action == "give_up"
    assert platform.count("/sns/userinfo") == 1 and platform.count("/cgi-bin/stable_token") == 0


def test_login_needs_no_access_token_and_throws_the_session_key_away(
    mini: MiniProgram, platform: Platform
) -> None:
    platform.on(LOGIN, {"session_key": "c2Vzc2lvbg==", "openid": "oM1", "unionid": "u1"})
    assert mini.login("js-1") == {"openid": "oM1", "unionid": "u1"}
    platform.on(LOGIN, {"session_key": "c2Vzc2lvbg==", "openid": "oM1", "errcode": 0})
    assert mini.login("js-2") == {"openid": "oM1"}
    assert platform.last(LOGIN).query == {
        "appid": MINI.appid,
        "secret": SECRET,
        "js_code": "js-2",
        "grant_type": "authorization_code",
    }
    assert platform.count("/cgi-bin/stable_token") == 0


@pytest.mark.parametrize(
    ("code", "action"),
    [(40029, "give_up"), (40163, "give_up"), (40226, "give_up"), (45011, "wait"), (40125, "tell_admin")],
)
def test_login_is_refused(mini: MiniProgram, platform: Platform, code: int, action: str) -> None:
    platform.on(LOGIN, {"errcode": code, "errmsg": "no"})
    with pytest.raises(PlatformError) as raised:
        mini.login("js-1")
    assert (raised.value.code, raised.value.action) == (code, action)
    assert platform.count(LOGIN) == 1


def test_40001_at_login_is_the_secret(mini: MiniProgram, platform: Platform) -> None:
    platform.on(LOGIN, {"errcode": 40001, "errmsg": "invalid credential"})
    with pytest.raises(PlatformError) as raised:
        mini.login("js-1")
    assert raised.value.action == "tell_admin"


@pytest.mark.parametrize("openid", [None, "", 7])
def test_an_answer_without_an_openid_is_nobody(mini: MiniProgram, platform: Platform, openid: Any) -> None:
    platform.on(LOGIN, {"openid": openid, "session_key": "x"})
    with pytest.raises(PlatformError) as raised:
        mini.login("js-1")
    assert raised.value.code is None


def test_a_phone_of_this_mini_program(mini: MiniProgram, platform: Platform) -> None:
    info = {"phoneNumber": "13800000017", "purePhoneNumber": "13800000017", "countryCode": 86}
    platform.on(PHONE, {"errcode": 0, "phone_info": info | {"watermark": {"appid": MINI.appid}}})
    found = mini.phone("button-code")
    assert (found["purePhoneNumber"], found["countryCode"]) == ("13800000017", "86")
    assert "13800000017" not in repr(found)
    assert platform.last(PHONE).body == {"code": "button-code"}


@pytest.mark.parametrize("watermark", [{"appid": "wx00000000000000ff"}, {}, None])
def test_a_phone_of_another_mini_program_is_refused(
    mini: MiniProgram, platform: Platform, watermark: Any
) -> None:
    info = {"phoneNumber": "13800000017", "purePhoneNumber": "13800000017", "watermark": watermark}
    platform.on(PHONE, {"errcode": 0, "phone_info": info})
    with pytest.raises(PlatformError) as raised:
        mini.phone("button-code")
    assert raised.value.action == "give_up" and "13800000017" not in str(raised.value)
