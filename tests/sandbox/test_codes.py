"""Single-use codes: mini-program login, phone number, web authorisation."""

import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

from tests.sandbox.conftest import CORP, MINI, OA, World


def login(world: World, code: str, appid: str = MINI, **changed: str) -> dict:
    query = {"appid": appid, "secret": world.account(appid)["secret"], "js_code": code}
    query["grant_type"] = "authorization_code"
    return world.raw("wechat-api/sns/jscode2session", params={**query, **changed}).json()


def test_js_code_is_single_use_and_lives_five_minutes(world: World) -> None:
    code = world.act("js_code", person="lin")["code"]
    session = login(world, code)
    assert session["openid"] == world.openid("lin", MINI)
    assert session["unionid"] == world.person("lin")["unionids"]["sandbox-open"] and session["session_key"]
    assert login(world, code)["errcode"] == 40163
    assert login(world, "x")["errcode"] == 40029
    assert login(world, "")["errcode"] == 41008
    assert login(world, code, secret="wrong")["errcode"] == 40125
    other = world.control("POST", "accounts", {"kind": "mini_program"})["appid"]
    fresh = world.act("js_code", person="lin")["code"]
    assert login(world, fresh, other)["errcode"] == 40029
    assert "errcode" not in login(world, fresh)
    late = world.act("js_code", person="lin")["code"]
    world.skew(301)
    assert login(world, late)["errcode"] == 40029


def test_session_key_check(world: World) -> None:
    session = login(world, world.act("js_code", person="lin")["code"])
    sign = hmac.new(session["session_key"].encode(), b"", hashlib.sha256).hexdigest()
    query = {"openid": session["openid"], "signature": sign, "sig_method": "hmac_sha256"}
    ask = lambda **q: world.wechat("wxa/checksession", appid=MINI, **{**query, **q})["errcode"]  # noqa: E731
    assert ask() == 0 and ask(signature="x") == 87009 and ask(sig_method="md5") == 87008
    assert ask(openid=world.openid("wang", MINI)) == 87007


def test_phone_code(world: World) -> None:
    ask = lambda code, appid=MINI: world.wechat(  # noqa: E731
        "wxa/business/getuserphonenumber", {"code": code}, appid=appid
    )
    code = world.act("phone_code", person="lin")["code"]
    info = ask(code)["phone_info"]
    assert info["phoneNumber"] == info["purePhoneNumber"] == "13800000017" and info["countryCode"] == "86"
    assert info["watermark"]["appid"] == MINI
    assert ask(code)["errcode"] == 40029
    # The login code is another thing.
    assert ask(world.act("js_code", person="lin")["code"])["errcode"] == 40029
    other = world.control("POST", "accounts", {"kind": "mini_program"})["appid"]
    assert ask(world.act("phone_code", person="lin")["code"], other)["errcode"] == 40013
    world.switches({"wechat.country_code_int": True})
    assert ask(world.act("phone_code", person="lin")["code"])["phone_info"]["countryCode"] == 86
    world.control("POST", "people", {"id": "abroad", "name": "A", "phone": "+65-91234567"})
    info = ask(world.act("phone_code", person="abroad")["code"])["phone_info"]
    assert info["phoneNumber"] == "+6591234567" and info["purePhoneNumber"] == "91234567"


def exchange(world: World, code: str) -> dict:
    query = {"appid": OA, "secret": world.account(OA)["secret"], "code": code}
    query["grant_type"] = "authorization_code"
    return world.raw("wechat-api/sns/oauth2/access_token", params=query).json()


def test_web_authorisation(world: World) -> None:
    base = exchange(world, world.act("oauth_code", person="lin", scope="snsapi_base")["code"])
    assert base["openid"] == world.openid("lin") and "unionid" not in base
    profile = lambda grant: world.raw(  # noqa: E731
        "wechat-api/sns/userinfo", params={"access_token": grant["access_token"], "openid": grant["openid"]}
    ).json()
    assert profile(base)["errcode"] == 48001
    code = world.act("oauth_code", person="lin", scope="snsapi_userinfo")["code"]
    full = exchange(world, code)
    assert full["unionid"] == world.person("lin")["unionids"]["sandbox-open"]
    assert exchange(world, code)["errcode"] == 40163 and exchange(world, "x")["errcode"] == 40029
    assert profile(full)["nickname"] == "林晓"
    assert profile({**full, "openid": "x"})["errcode"] == 40003
    query = {"appid": OA, "grant_type": "refresh_token", "refresh_token": full["refresh_token"]}
    refresh = lambda: world.raw("wechat-api/sns/oauth2/refresh_token", params=query).json()  # noqa: E731
    assert refresh()["openid"] == full["openid"]
    world.skew(7201)
    assert profile(full)["errcode"] == 42001
    world.skew(31 * 86_400)
    assert refresh()["errcode"] in (42002, 40030)


def test_snapshot_users_are_virtual(world: World) -> None:
    world.switches({"wechat.snapshot_users": True})
    grant = exchange(world, world.act("oauth_code", person="lin", scope="snsapi_userinfo")["code"])
    assert grant["is_snapshotuser"] == 1 and grant["openid"] != world.openid("lin")
    assert grant["unionid"] != world.person("lin")["unionids"]["sandbox-open"]
    world.switches({"wechat.snapshot_flag_missing": True})
    assert "is_snapshotuser" not in exchange(world, world.act("oauth_code", person="lin")["code"])


def test_the_authorisation_page(world: World) -> None:
    query = {
        "appid": OA,
        "redirect_uri": "http://product.test/back?a=1",
        "scope": "snsapi_base",
        "state": "S1",
    }
    page = world.raw("wechat-api/connect/oauth2/authorize", params=query)
    assert page.status_code == 200 and "林晓" in page.text and "授权登录" in page.text
    gone = world.raw(
        "wechat-api/connect/oauth2/authorize", params={**query, "as_person": "lin"}, allow_redirects=False
    )
    parts = urlsplit(gone.headers["Location"])
    back = parse_qs(parts.query)
    assert gone.status_code == 302 and parts.netloc == "product.test"
    assert back["state"] == ["S1"] and back["a"] == ["1"]
    assert exchange(world, back["code"][0])["openid"] == world.openid("lin")
    query["appid"] = CORP
    gone = world.raw(
        "wechat-api/connect/oauth2/authorize", params={**query, "as_staff": "ZhaoMin"}, allow_redirects=False
    )
    code = parse_qs(urlsplit(gone.headers["Location"]).query)["code"][0]
    assert world.wecom("auth/getuserinfo", code=code)["userid"] == "ZhaoMin"


def test_mini_program_codes_are_pictures(world: World) -> None:
    path, query = "wechat-api/wxa/getwxacodeunlimit", {"access_token": world.token(MINI)}
    good = world.raw(path, "POST", params=query, json={"scene": "s=17"})
    assert good.headers["Content-Type"] == "image/png" and good.content.startswith(b"\x89PNG")
    assert world.raw(path, "POST", params=query, json={"scene": "中文"}).json()["errcode"] == 40129
    assert world.raw(path, "POST", params=query, json={"scene": "x" * 33}).json()["errcode"] == 40169
