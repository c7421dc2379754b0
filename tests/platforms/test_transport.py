"""One call: what goes out, what may come back, and what never gets into a text."""

import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator

import pytest
from apiflask import APIFlask
from prometheus_client import REGISTRY

from tests.platforms.conftest import SECRET
from tests.platforms.scripted import Platform, Raw
from wxtag.errors import PlatformError
from wxtag.platforms import MiniProgram, OfficialAccount, WeCom, transport

TOKEN = "AT-first"
LIST = "/cgi-bin/externalcontact/get_follow_user_list"


def refused(call: Callable[[], object]) -> PlatformError:
    with pytest.raises(PlatformError) as raised:
        call()
    return raised.value


def everything(error: BaseException) -> str:
    """All that any log could print about an error, also what hangs on to it."""
    text = "".join(traceback.format_exception(error)) + repr(error.args) + repr(vars(error))
    for other in (error.__cause__, error.__context__):
        text += everything(other) if other is not None else ""
    return text


def counted(api: str, result: str, platform: str = "wecom") -> float:
    labels = {"platform": platform, "api": api, "result": result}
    return REGISTRY.get_sample_value("wxtag_platform_calls_total", labels) or 0.0


def test_chinese_goes_out_as_it_is(corp: WeCom, platform: Platform) -> None:
    platform.on("/cgi-bin/externalcontact/edit_corp_tag", {"errcode": 0, "errmsg": "ok"})
    corp.edit_corp_tag("etTag", name="浙江·杭州")
    asked = platform.last("/cgi-bin/externalcontact/edit_corp_tag")
    assert "浙江·杭州".encode() in asked.raw
    assert asked.headers["Content-Type"] == "application/json; charset=utf-8"


def test_empty_optional_keys_are_never_sent(corp: WeCom, platform: Platform) -> None:
    platform.on("/cgi-bin/externalcontact/get_corp_tag_list", {"errcode": 0, "tag_group": []})
    corp.corp_tags()
    assert platform.last("/cgi-bin/externalcontact/get_corp_tag_list").raw == b"{}"


@pytest.mark.parametrize("status", [404, 500, 502, 301, 204])
def test_another_status_than_200_is_waited_for(corp: WeCom, platform: Platform, status: int) -> None:
    platform.on(LIST, Raw(status, b'{"errcode": 0}', (("Location", platform.url + "/elsewhere"),)))
    error = refused(corp.follow_users)
    assert (error.code, error.action) == (None, "wait") and error.wait > 0
    assert str(status) in error.text
    assert platform.count("/elsewhere") == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>busy</html>", b'{"errcode": 0, "follow_', b"[]", b'"ok"', b"null", b"[" * 200_000],
    ids=["empty", "html", "half", "list", "text", "null", "deep"],
)
def test_what_is_not_a_json_object_is_waited_for(corp: WeCom, platform: Platform, content: bytes) -> None:
    platform.on(LIST, Raw(200, content))
    error = refused(corp.follow_users)
    assert (error.code, error.action) == (None, "wait")


def test_an_answer_that_breaks_off_is_waited_for(corp: WeCom, platform: Platform) -> None:
    platform.on(LIST, Raw(200, b'{"errcode": 0, "follow_user": []}', length=500))
    assert refused(corp.follow_users).action == "wait"


@pytest.mark.parametrize("code", ["0", 0, None])
def test_success_in_any_form(corp: WeCom, platform: Platform, code: object) -> None:
    platform.on(LIST, {"errcode": code, "follow_user": ["lin.mei"]})
    assert corp.follow_users() == ["lin.mei"]


def test_json_is_read_whatever_its_content_type_and_control_characters(
    fans: OfficialAccount, platform: Platform
) -> None:
    content = b'\xef\xbb\xbf{"openid": "o1", "remark": "a\x08b\xf0\x9f"}'
    platform.on("/cgi-bin/user/info", Raw(200, content, (("Content-Type", "text/plain"),)))
    assert fans.user_info("o1")["openid"] == "o1"


def test_a_list_that_is_none_is_an_error_not_no_data(corp: WeCom, platform: Platform) -> None:
    platform.on(LIST, {"errcode": 0, "follow_user": "lin.mei"})
    assert refused(corp.follow_users).action == "wait"


def test_a_silent_platform_times_out(
    corp: WeCom, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    corp.caller.tokens.current()
    monkeypatch.setattr(transport, "READ_SECONDS", 0.1)
    platform.on(LIST, lambda _: time.sleep(1) or {"errcode": 0})
    error = refused(corp.follow_users)
    assert (error.code, error.action) == (None, "wait") and "Timeout" in error.text


def test_a_platform_that_drips_times_out_too(
    corp: WeCom, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(100):
            yield b" "
            time.sleep(0.03)

    corp.caller.tokens.current()
    monkeypatch.setattr(transport, "WHOLE_SECONDS", 0.2)
    platform.on(LIST, Raw(200, pieces=drip, length=1000))
    began = time.monotonic()
    assert refused(corp.follow_users).action == "wait"
    assert time.monotonic() - began < 2


def test_an_answer_that_never_ends_is_cut(
    corp: WeCom, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    corp.caller.tokens.current()
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1000)
    platform.on(LIST, Raw(200, b" " * 2000 + b'{"errcode": 0}'))
    assert refused(corp.follow_users).action == "wait"


def test_the_environment_leads_no_call_elsewhere(
    corp: WeCom, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        platform.on(LIST, {"errcode": 0, "follow_user": []})
        assert corp.follow_users() == []


def test_cookies_of_a_platform_are_not_kept(corp: WeCom, platform: Platform) -> None:
    platform.on(LIST, Raw(200, b'{"follow_user": []}', (("Set-Cookie", "a=1; Path=/"),)))
    corp.follow_users()
    corp.follow_users()
    assert "Cookie" not in platform.last(LIST).headers


def test_connections_are_used_again(corp: WeCom, platform: Platform) -> None:
    platform.on(LIST, {"errcode": 0, "follow_user": []})
    corp.follow_users()
    idle = [len(one) for (_, base), one in transport._idle.items() if base == platform.url]
    for _ in range(3):
        corp.follow_users()
    assert [len(one) for (_, base), one in transport._idle.items() if base == platform.url] == idle == [1]


def test_calls_are_counted_by_result(corp: WeCom, platform: Platform) -> None:
    api = "externalcontact/get_follow_user_list"
    before = {result: counted(api, result) for result in ("ok", "wait", "refresh", "no_answer")}
    platform.on(LIST, {"errcode": 0}, {"errcode": -1}, {"errcode": 42001}, {"errcode": 0}, Raw(500))
    corp.follow_users()
    refused(corp.follow_users)
    corp.follow_users()
    refused(corp.follow_users)
    after = {result: counted(api, result) - before[result] for result in before}
    assert after == {"ok": 2, "wait": 1, "refresh": 1, "no_answer": 1}


def test_no_secret_in_any_error_or_log(
    corp: WeCom,
    fans: OfficialAccount,
    mini: MiniProgram,
    platform: Platform,
    here: APIFlask,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    person, code = "PERSON-TOKEN", "js-code-0123"  # by name: a traceback shows lines of this test
    errors: list[BaseException] = []
    leaky = f"bad {SECRET} for {TOKEN}, hint: [1]"
    platform.on(LIST, {"errcode": 48002, "errmsg": leaky}, Raw(500), Raw(200, b"no"))
    errors += [refused(corp.follow_users) for _ in range(3)]
    platform.on("/sns/jscode2session", {"errcode": 40029, "errmsg": f"invalid code {SECRET}"})
    errors.append(refused(lambda: mini.login(code)))
    platform.on("/sns/userinfo", {"errcode": 40003, "errmsg": person})
    errors.append(refused(lambda: fans.oauth_profile(person, "o1")))
    monkeypatch.setattr(transport, "READ_SECONDS", 0.05)
    platform.on(LIST, lambda _: time.sleep(0.3) or {})
    errors.append(refused(corp.follow_users))
    platform.on("/sns/jscode2session", lambda _: time.sleep(0.3) or {})
    errors.append(refused(lambda: mini.login(code)))
    platform.stop()
    for base in (corp, fans, mini):
        base.caller.base = "http://127.0.0.1:1"
    errors += [refused(corp.follow_users), refused(lambda: mini.login(code))]
    text = caplog.text + "".join(everything(error) for error in errors)
    assert "GET /sns/jscode2session" in caplog.text  # the log did say something
    for secret in (SECRET, TOKEN, person, code):
        assert secret not in text
