"""One token for all, fetched by one, refreshed once."""

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from redis import Redis

from tests.platforms.conftest import OFFICIAL, SECRET, WECOM_ACCOUNT, account
from tests.platforms.crowd import crowd
from tests.platforms.scripted import Asked, Platform, Raw
from wxtag import clock
from wxtag.errors import PlatformError, Unavailable
from wxtag.platforms import OfficialAccount, WeCom, tokens, wecom

GETTOKEN = "/cgi-bin/gettoken"
STABLE = "/cgi-bin/stable_token"
FOLLOWERS = "/cgi-bin/externalcontact/get_follow_user_list"
ROOT = Path(__file__).resolve().parents[2]


def token(value: str, seconds: int = 7200) -> dict[str, Any]:
    return {"errcode": 0, "errmsg": "ok", "access_token": value, "expires_in": seconds}


def knows(*good: str) -> Callable[[Asked], dict[str, Any]]:
    """Members for the tokens that are good, 42001 for others."""

    def answer(asked: Asked) -> dict[str, Any]:
        if asked.query["access_token"] in good:
            return {"errcode": 0, "follow_user": ["lin.mei"]}
        return {"errcode": 42001, "errmsg": "access_token expired", "follow_user": []}

    return answer


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock on by seconds."""
    moved = [0.0]
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + int(moved[0] * 1000))

    def move(seconds: float) -> None:
        moved[0] += seconds

    return move


def test_a_crowd_in_three_processes_makes_one_token_call(
    here: APIFlask, platform: Platform, redis_url: str, tmp_path: Path
) -> None:
    def slowly(_: Asked) -> dict[str, Any]:
        time.sleep(0.5)
        return token(f"AT-{platform.count(GETTOKEN)}")

    platform.on(GETTOKEN, slowly)
    others = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.platforms.crowd", redis_url, platform.url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for other in others:
        assert other.stdout and other.stdout.readline() == "ready\n"
    for other in others:
        assert other.stdin
        other.stdin.write("go\n")
        other.stdin.flush()
    assert crowd(redis_url, platform.url, tmp_path) == {"AT-1"}
    for other in others:
        assert other.communicate(timeout=30)[0] == "AT-1\n"
    assert platform.count(GETTOKEN) == 1


def test_the_token_call_names_corp_and_secret(corp: WeCom, platform: Platform) -> None:
    corp.caller.tokens.current()
    assert platform.last(GETTOKEN).query == {"corpid": "ww0Demo0000000001", "corpsecret": SECRET}


def test_wechat_uses_stable_token_without_force(fans: OfficialAccount, platform: Platform) -> None:
    assert fans.caller.tokens.current() == "AT-first"
    asked = platform.last(STABLE)
    assert asked.method == "POST" and asked.query == {}
    assert asked.body == {
        "grant_type": "client_credential",
        "appid": OFFICIAL.appid,
        "secret": SECRET,
        "force_refresh": False,
    }


@pytest.mark.parametrize("code", [40014, 42001])
def test_an_expired_token_is_refreshed_once(corp: WeCom, platform: Platform, code: int) -> None:
    platform.on(GETTOKEN, token("AT-old"), token("AT-new"))
    platform.on(
        FOLLOWERS,
        {"errcode": code, "errmsg": "invalid access_token", "follow_user": []},
        {"errcode": 0, "follow_user": ["lin.mei"]},
    )
    assert corp.follow_users() == ["lin.mei"]
    assert platform.count(GETTOKEN) == 2
    assert platform.last(FOLLOWERS).query["access_token"] == "AT-new"


def test_a_token_that_another_one_renewed_is_taken(corp: WeCom, platform: Platform) -> None:
    platform.on(GETTOKEN, token("AT-1"), token("AT-2"), token("AT-3"))
    first = corp.caller.tokens.current()
    assert corp.caller.tokens.renew(first, 42001) == "AT-2"
    assert corp.caller.tokens.renew(first, 42001) == "AT-2"
    assert platform.count(GETTOKEN) == 2


def test_permanent_42001_ends_after_one_refresh(corp: WeCom, platform: Platform) -> None:
    platform.on(GETTOKEN, *(token(f"AT-{n}") for n in range(100)))
    platform.on(FOLLOWERS, knows())
    with pytest.raises(PlatformError) as raised:
        corp.follow_users()
    assert (raised.value.code, raised.value.action, raised.value.wait) == (42001, "wait", 5)
    assert platform.count(FOLLOWERS) == 2
    assert platform.count(GETTOKEN) == 2


def test_many_calls_with_a_permanent_42001_ask_for_few_tokens(corp: WeCom, platform: Platform) -> None:
    platform.on(GETTOKEN, *(token(f"AT-{n}") for n in range(100)))
    platform.on(FOLLOWERS, knows())
    for _ in range(20):
        with pytest.raises(PlatformError):
            corp.follow_users()
    assert platform.count(GETTOKEN) <= 1 + tokens.RENEWALS_A_MINUTE


def test_a_platform_that_takes_good_tokens_back_again_and_again_holds_nobody_up(
    corp: WeCom, platform: Platform
) -> None:
    """Each token works once and is refused then; that is no reason to stop asking for new ones."""
    given, used = itertools.count(), set[str]()

    def once(asked: Asked) -> dict[str, object]:
        value = asked.query["access_token"]
        if value in used:
            return {"errcode": 40014, "errmsg": "invalid access_token"}
        used.add(value)
        return {"errcode": 0, "follow_user": []}

    platform.on(GETTOKEN, lambda asked: token(f"AT-{next(given)}"))
    platform.on(FOLLOWERS, once)
    for _ in range(4 * tokens.RENEWALS_A_MINUTE):
        assert corp.follow_users() == []
    assert platform.count(GETTOKEN) == 4 * tokens.RENEWALS_A_MINUTE
    for _ in range(tokens.RENEWALS_OF_GOOD_ONES):
        with contextlib.suppress(PlatformError):
            corp.follow_users()
    assert platform.count(GETTOKEN) <= 1 + tokens.RENEWALS_OF_GOOD_ONES, "a storm"


def test_40001_means_refresh_for_wechat_only(fans: OfficialAccount, corp: WeCom, platform: Platform) -> None:
    platform.on(STABLE, token("AT-old"), token("AT-new"))
    refused = {"errcode": 40001, "errmsg": "invalid credential"}
    platform.on("/cgi-bin/user/info", refused, {"subscribe": 1, "openid": "o1"})
    assert fans.user_info("o1")["subscribe"] == 1
    assert platform.count(STABLE) == 2

    platform.on(FOLLOWERS, refused)
    with pytest.raises(PlatformError) as raised:
        corp.follow_users()
    assert raised.value.action == "tell_admin"
    assert platform.count(GETTOKEN) == 1 and platform.count(FOLLOWERS) == 1


def test_force_is_used_when_wechat_insists_on_a_refused_token_and_not_again(
    fans: OfficialAccount, platform: Platform
) -> None:
    platform.on(STABLE, lambda asked: token("AT-forced" if asked.body["force_refresh"] else "AT-old"))
    held = fans.caller.tokens.current()
    assert fans.caller.tokens.renew(held, 40001) == "AT-forced"
    assert platform.count(STABLE) == 3
    platform.on(STABLE, lambda asked: token("AT-forced"))
    fans.caller.tokens.renew("AT-forced", 40001)
    assert platform.count(STABLE) == 4
    assert [one.body["force_refresh"] for one in platform.asked] == [False, False, True, False]


def test_an_expired_wechat_token_is_never_forced(fans: OfficialAccount, platform: Platform) -> None:
    platform.on(STABLE, token("AT-old"))
    fans.caller.tokens.renew(fans.caller.tokens.current(), 42001)
    assert not any(one.body["force_refresh"] for one in platform.asked)


def test_a_token_is_renewed_five_minutes_early(
    corp: WeCom, platform: Platform, later: Callable[[float], None]
) -> None:
    platform.on(GETTOKEN, token("AT-1"), token("AT-2"))
    assert corp.caller.tokens.current() == "AT-1"
    later(7200 - 310)
    assert corp.caller.tokens.current() == "AT-1"
    later(20)
    assert corp.caller.tokens.current() == "AT-2"


def test_trouble_with_renewing_early_harms_nobody_until_the_token_ends(
    corp: WeCom, platform: Platform, later: Callable[[float], None]
) -> None:
    platform.on(GETTOKEN, token("AT-1"), Raw(500))
    corp.caller.tokens.current()
    later(7200 - 200)
    for _ in range(10):
        assert corp.caller.tokens.current() == "AT-1"
    assert platform.count(GETTOKEN) == 2  # the failure is remembered, not repeated with each call
    later(300)
    with pytest.raises(PlatformError):
        corp.caller.tokens.current()


def test_a_token_handed_out_near_its_end_is_not_asked_for_with_every_call(
    corp: WeCom, platform: Platform, later: Callable[[float], None]
) -> None:
    platform.on(GETTOKEN, token("AT-1", 200))
    for _ in range(5):
        corp.caller.tokens.current()
    assert platform.count(GETTOKEN) == 1
    later(31)
    corp.caller.tokens.current()
    assert platform.count(GETTOKEN) == 2


def test_a_changed_secret_makes_a_new_token(here: APIFlask, corp: WeCom, platform: Platform) -> None:
    platform.on(GETTOKEN, token("AT-1"), token("AT-2"))
    assert corp.caller.tokens.current() == "AT-1"
    changed = account("wecom", "ww0Demo0000000001", secret="another secret")
    assert wecom(changed).caller.tokens.current() == "AT-2"


def test_each_app_of_a_corp_has_its_own_token(here: APIFlask, corp: WeCom, platform: Platform) -> None:
    platform.on(GETTOKEN, token("AT-1"), token("AT-2"))
    corp.caller.tokens.current()
    other = account("wecom", "ww0Demo0000000001", agentid=1000003)
    assert wecom(other).caller.tokens.current() == "AT-2"
    same = account("wecom", "WW0DEMO0000000001")
    assert wecom(same).caller.tokens.current() == "AT-1"


def test_redis_holds_neither_the_secret_nor_the_token(corp: WeCom, redis_url: str) -> None:
    value = corp.caller.tokens.current()
    redis = Redis.from_url(redis_url)
    keys = list(redis.scan_iter())
    everything = b" ".join(keys) + b" ".join(redis.get(key) or b"" for key in keys)
    assert len(keys) >= 1
    assert value.encode() not in everything
    assert not any(SECRET[i : i + 6].encode() in everything for i in range(len(SECRET) - 6))


def test_a_wrong_secret_is_not_tried_again_and_again(corp: WeCom, platform: Platform) -> None:
    platform.on(GETTOKEN, {"errcode": 40001, "errmsg": "invalid credential"}, token("AT-mended"))
    for _ in range(10):
        with pytest.raises(PlatformError) as raised:
            corp.follow_users()
        assert raised.value.code == 40001 and raised.value.action == "tell_admin"
    assert platform.count(GETTOKEN) == 1
    assert corp.caller.tokens.anew() == "AT-mended"


def test_a_wrong_wechat_secret_is_for_the_admin(fans: OfficialAccount, platform: Platform) -> None:
    platform.on(STABLE, {"errcode": 40001, "errmsg": "invalid credential"})
    with pytest.raises(PlatformError) as raised:
        fans.user_info("o1")
    assert raised.value.action == "tell_admin" and "AppSecret" in raised.value.text
    assert platform.count(STABLE) == 1


@pytest.mark.parametrize(
    "answer", [{}, {"access_token": "", "expires_in": 7200}, {"access_token": "AT", "expires_in": 0}]
)
def test_an_answer_without_a_token_is_waited_for(
    corp: WeCom, platform: Platform, answer: dict[str, Any]
) -> None:
    platform.on(GETTOKEN, answer)
    with pytest.raises(PlatformError) as raised:
        corp.caller.tokens.current()
    assert raised.value.action == "wait"


def test_a_lock_left_by_a_dead_process_is_waited_for_and_then_said(
    corp: WeCom, platform: Platform, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.setattr(tokens, "PATIENCE_SECONDS", 0.2)
    Redis.from_url(redis_url).set(corp.caller.tokens.key + ":lock", "somebody", px=60_000)
    with pytest.raises(PlatformError) as raised:
        corp.caller.tokens.current()
    assert raised.value.action == "wait" and platform.count(GETTOKEN) == 0


def test_without_redis_it_is_said(platform: Platform, tmp_path: Path, here: APIFlask) -> None:
    nowhere = Redis.from_url(f"unix://{tmp_path / 'nowhere'}")
    own = wecom(WECOM_ACCOUNT).caller.tokens
    own._redis = nowhere
    with pytest.raises(Unavailable, match="Redis"):
        own.current()
