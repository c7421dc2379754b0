"""Frequency limits of both platforms."""

from tests.sandbox.conftest import OA, World


def test_wecom_minute_blocks_for_a_minute(world: World) -> None:
    world.switches({"wecom.minute_limit": 3})
    ask = lambda: world.wecom("user/get", userid="ZhaoMin")["errcode"]  # noqa: E731
    world.skew(0)
    codes = [ask() for _ in range(6)]
    # A minute may turn over in between, but not twice.
    assert codes.count(45009) >= 1 and codes[0] == 0
    assert world.wecom("department/list")["errcode"] == 0
    assert ask() in (0, 45009)
    world.skew(30)
    assert ask() == 45009
    world.skew(125)
    assert ask() == 0


def test_sixth_debug_call(world: World) -> None:
    codes = [world.wecom("externalcontact/get_follow_user_list", debug="1") for _ in range(12)]
    assert codes[0]["errcode"] == 0 and codes[-1]["errcode"] == 45009 and codes[-1]["follow_user"] == []


def test_wechat_day_quota_and_clearing(world: World) -> None:
    world.switches({"wechat.quota.user/get": 3, "wechat.clear_quota_per_month": 2})
    ask = lambda: world.wechat("cgi-bin/user/get").get("errcode", 0)  # noqa: E731
    assert [ask() for _ in range(4)] == [0, 0, 0, 45009]
    assert world.wechat("cgi-bin/tags/get").get("errcode", 0) == 0
    quota = world.wechat("cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/user/get"})["quota"]
    assert quota == {"daily_limit": 3, "used": 3, "remain": 0}
    clear = lambda appid=OA: world.wechat("cgi-bin/clear_quota", {"appid": appid})["errcode"]  # noqa: E731
    assert clear("wx0000000000000000") == 40013
    assert clear() == 0 and ask() == 0
    query = {"appid": OA, "appsecret": world.account(OA)["secret"]}
    assert world.raw("wechat-api/cgi-bin/clear_quota/v2", "POST", json=query).json()["errcode"] == 0
    assert clear() == 48006


def test_wechat_day_ends(world: World) -> None:
    world.switches({"wechat.quota.user/get": 1})
    ask = lambda: world.wechat("cgi-bin/user/get").get("errcode", 0)  # noqa: E731
    assert [ask(), ask()] == [0, 45009]
    world.skew(86_400)
    world._tokens.clear()
    assert ask() == 0


def test_wechat_minute(world: World) -> None:
    world.switches({"wechat.minute_limit": 2})
    codes = [world.wechat("cgi-bin/user/get").get("errcode", 0) for _ in range(6)]
    assert codes[0] == 0 and codes[-1] == 45011


def test_quota_get_codes(world: World) -> None:
    ask = lambda path: world.wechat("cgi-bin/openapi/quota/get", {"cgi_path": path})["errcode"]  # noqa: E731
    assert ask("/cgi-bin/user/info") == 0
    assert ask("cgi-bin/user/info") == 76003
    assert ask("/cgi-bin/nothing") == 76021
    assert ask("/wxa/getwxacodeunlimit") == 76022
    assert ask("/sns/userinfo") == 76022
