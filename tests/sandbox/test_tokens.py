"""Tokens of both platforms: codes, lifetimes, replacement."""

from tests.sandbox.conftest import CORP, MINI, OA, World


def test_gettoken_reports_the_secret_before_the_corp(world: World) -> None:
    ask = lambda **q: world.raw("wecom-api/cgi-bin/gettoken", params=q).json()["errcode"]  # noqa: E731
    secret = world.account(CORP)["secret"]
    assert ask() == 41004
    assert ask(corpsecret=secret) == 41002
    assert ask(corpid="ww0000000000000000", corpsecret=secret) == 40013
    assert ask(corpid=CORP, corpsecret="wrong") == 40001
    other = world.control("POST", "accounts", {"kind": "wecom"})
    assert ask(corpid=CORP, corpsecret=other["secret"]) == 40091
    assert ask(corpid=CORP, corpsecret=secret) == 0


def test_gettoken_repeats_the_token_unless_switched(world: World) -> None:
    query = {"corpid": CORP, "corpsecret": world.account(CORP)["secret"]}
    fetch = lambda: world.raw("wecom-api/cgi-bin/gettoken", params=query).json()["access_token"]  # noqa: E731
    first = fetch()
    assert fetch() == first
    world.switches({"wecom.gettoken_same_token": False})
    assert fetch() != first


def test_wecom_token_errors_come_with_headers_and_empty_fields(world: World) -> None:
    path = "wecom-api/cgi-bin/externalcontact/list"
    answer = world.raw(path)
    assert answer.status_code == 200 and answer.json()["errcode"] == 41001
    assert answer.headers["Error-Code"] == "41001"
    assert answer.headers["Error-Msg"] == answer.json()["errmsg"]
    unknown = world.raw(path, params={"access_token": "nobody", "userid": "ZhaoMin"}).json()
    assert unknown["errcode"] == 40014 and unknown["external_userid"] == []
    assert "from ip: 127.0.0.1" in unknown["errmsg"] and "hint: [" in unknown["errmsg"]
    # A token in a header is ignored.
    assert (
        world.raw(path, headers={"Authorization": f"Bearer {world.token(CORP)}"}).json()["errcode"] == 41001
    )


def test_expired_wecom_token_is_42001(world: World) -> None:
    world.token(CORP)
    world.act("expire_tokens", account=CORP)
    assert world.wecom("externalcontact/get_follow_user_list")["errcode"] == 42001


def test_unknown_path_is_an_empty_404(world: World) -> None:
    answer = world.raw("wecom-api/cgi-bin/externalcontact/nothing")
    assert answer.status_code == 404 and answer.content == b""


def test_wecom_address_and_callable_switches(world: World) -> None:
    world.token(CORP)
    world.control("PUT", f"accounts/{CORP}/settings", {"ip_allowed": ["203.0.113.9"]})
    assert world.wecom("user/get", userid="ZhaoMin")["errcode"] == 60020
    world.control("PUT", f"accounts/{CORP}/settings", {"ip_allowed": [], "callable": False})
    assert world.wecom("externalcontact/get_follow_user_list")["errcode"] == 48002
    assert world.wecom("user/get", userid="ZhaoMin")["errcode"] == 0


def test_reset_secret_voids_tokens(world: World) -> None:
    world.token(CORP)
    old = world.account(CORP)["secret"]
    fresh = world.act("reset_secret", account=CORP)["secret"]
    assert fresh != old and world.account(CORP)["secret"] == fresh
    assert world.wecom("user/get", userid="ZhaoMin")["errcode"] == 40014
    query = {"corpid": CORP, "corpsecret": old}
    assert world.raw("wecom-api/cgi-bin/gettoken", params=query).json()["errcode"] == 40001


def _plain(world: World, **changed: str) -> dict:
    query = {"grant_type": "client_credential", "appid": OA, "secret": world.account(OA)["secret"], **changed}
    return world.raw("wechat-api/cgi-bin/token", params=query).json()


def _works(world: World, token: str) -> int:
    return world.raw("wechat-api/cgi-bin/tags/get", params={"access_token": token}).json().get("errcode", 0)


def test_wechat_token_codes(world: World) -> None:
    assert _plain(world, grant_type="x")["errcode"] == 40002
    assert _plain(world, appid="")["errcode"] == 41002
    assert _plain(world, secret="")["errcode"] == 41004
    assert _plain(world, appid="wx0000000000000000")["errcode"] == 40013
    assert _plain(world, secret="wrong")["errcode"] == 40125
    world.control("PUT", f"accounts/{OA}/settings", {"ip_allowed": ["203.0.113.9"]})
    refused = _plain(world)
    assert refused["errcode"] == 40164
    assert "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: " in refused["errmsg"]


def test_new_wechat_token_leaves_the_old_one_300_seconds(world: World) -> None:
    first = _plain(world)["access_token"]
    second = _plain(world)["access_token"]
    assert first != second and _works(world, first) == 0 and _works(world, second) == 0
    world.skew(301)
    assert _works(world, first) == 40001 and _works(world, second) == 0
    world.skew(7201)
    assert _works(world, second) == 42001
    assert _works(world, "nobody") == 40001 and _works(world, "") == 41001


def _stable(world: World, force: bool = False) -> dict:
    body = {"grant_type": "client_credential", "appid": OA, "secret": world.account(OA)["secret"]}
    body["force_refresh"] = force
    return world.raw("wechat-api/cgi-bin/stable_token", "POST", json=body).json()


def test_stable_token_is_apart_and_rolls_over_in_the_last_five_minutes(world: World) -> None:
    first = _stable(world)["access_token"]
    plain = _plain(world)["access_token"]
    assert _works(world, first) == 0
    world.skew(1000)
    again = _stable(world)
    assert again["access_token"] == first and again["expires_in"] in (6199, 6200)
    world.skew(7000)
    rolled = _stable(world)["access_token"]
    assert rolled != first and _works(world, first) == 0 and _works(world, rolled) == 0
    assert _works(world, plain) == 0


def test_forced_refresh_kills_at_once_and_needs_30_seconds_between(world: World) -> None:
    first = _stable(world)["access_token"]
    second = _stable(world, force=True)["access_token"]
    assert second != first and _works(world, first) == 40001
    assert _stable(world, force=True)["access_token"] == second
    world.skew(31)
    assert _stable(world, force=True)["access_token"] != second
    assert _works(world, second) == 40001


def test_a_mini_program_token_is_no_official_account_token(world: World) -> None:
    assert world.wechat("cgi-bin/tags/get", appid=MINI)["errcode"] == 48001
    assert world.wechat("wxa/getwxacodeunlimit", {"scene": "a"}, appid=OA)["errcode"] == 48001
    world.control("PUT", f"accounts/{OA}/settings", {"verified": False})
    assert world.wechat("cgi-bin/tags/get")["errcode"] == 48001


def test_wechat_method_body_and_content_type(world: World) -> None:
    token = {"access_token": world.token(OA)}
    path = "wechat-api/cgi-bin/tags/create"
    answer = world.raw(path, params=token)
    assert answer.status_code == 200 and answer.json()["errcode"] == 43002
    assert answer.headers["Content-Type"] == "application/json; encoding=utf-8"
    assert world.raw(path, "POST", params=token).json()["errcode"] == 44002
    assert world.raw(path, "POST", params=token, data=b"{oops").json()["errcode"] == 47001
