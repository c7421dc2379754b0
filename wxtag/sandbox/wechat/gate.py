"""The checks before a WeChat interface, and how its answers look."""

import json
import re
from contextlib import ExitStack
from typing import Any

from flask import Response, request

from wxtag.sandbox import ids
from wxtag.sandbox.calls import redact
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Api, ApiTable, Call, parsed_body, shaped
from wxtag.sandbox.wechat.codes import TEXTS
from wxtag.sandbox.world import Doc

CONTENT_TYPE = "application/json; encoding=utf-8"
wechat_api = ApiTable()
OK = {"errcode": 0, "errmsg": "ok"}
OFFICIAL, MINI = ("official_account",), ("mini_program",)
_UNCOUNTED = {"clear_quota", "openapi/quota/get", "openapi/quota/clear", "openapi/rid/get"}
_DAY = 86_400


def check(call: Call, api: Api, held: ExitStack) -> None:
    """Token, kind of account, method and body, quotas."""
    world = call.sandbox.world
    if api.token:
        call.account = account_of_token(call)
        if world.switches["wechat.ip_check_all_calls"]:
            check_address(call)
        if api.kinds and call.account["kind"] not in api.kinds:
            raise ApiError(48001)
        if api.kinds and not call.account["verified"]:
            raise ApiError(48001)
    if api.method == "POST":
        if request.method != "POST":
            raise ApiError(43002)
        call.body = _body(call, request.get_data())
    elif request.method != "GET":
        raise ApiError(43001)
    if api.token and api.name not in _UNCOUNTED:
        count(call, call.account["appid"], int(world.switches["wechat.minute_limit"]))
    code = int(world.switches["wechat.parallel_tagging_code"])
    if code and api.name.startswith("tags/members/batch"):
        flying = held.enter_context(call.sandbox.flights.one(f"tagging|{call.account['appid']}"))
        if flying > 1:
            raise ApiError(code)


def count(call: Call, appid: str, minute_limit: int) -> None:
    """Counts one call; 45011 for the minute, 45009 for the day."""
    sandbox, world = call.sandbox, call.sandbox.world
    window = f"{appid}|{call.api}"
    if sandbox.windows.exceeded(window, 60, minute_limit, world.precise_now()):
        raise ApiError(sandbox.windows.code(window, 45011))
    key = f"{appid}|{call.api}|{day(call)}"
    counters = world.data["counters"]
    if counters.get(key, 0) >= world.switches.quota(call.api):
        raise ApiError(45009)
    with world.lock:
        counters[key] = counters.get(key, 0) + 1
        world.changed()


def day(call: Call) -> int:
    world = call.sandbox.world
    return int(world.now() + float(world.switches["wechat.quota_utc_offset_hours"]) * 3600) // _DAY


def account_of_token(call: Call) -> Doc:
    token = call.args.get("access_token", "")
    if not token:
        raise ApiError(41001)
    world = call.sandbox.world
    known = world.data["tokens"].get(token)
    account = world.account(known["account"]) if known and known["platform"] == "wechat" else None
    if known is None or account is None:
        raise ApiError(int(world.switches["wechat.unknown_token_code"]))
    now = world.now()
    if known.get("void_at") is not None and known["void_at"] <= now:
        raise ApiError(int(world.switches["wechat.unknown_token_code"]))
    if known["expires"] <= now:
        raise ApiError(42001)
    return account


def check_address(call: Call) -> None:
    allowed = call.account.get("ip_allowed")
    if allowed and call.ip not in allowed:
        raise ApiError(40164, f"invalid ip {call.ip} ipv6 ::ffff:{call.ip}, not in whitelist")


def _body(call: Call, raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        raise ApiError(44002)
    if call.sandbox.world.switches["wechat.escape_check"] and re.search(rb"\\u[0-9a-fA-F]{4}", raw):
        raise ApiError(40033)
    try:
        found = parsed_body(raw)
    except ValueError as problem:
        raise ApiError(47001) from problem
    if not isinstance(found, dict):
        raise ApiError(47001)
    return found


def failed(call: Call, api: Api, problem: ApiError) -> Response:
    """HTTP 200 with the code; each message ends with a request id of its own."""
    text = problem.text or TEXTS.get(problem.code, "error")
    rid = ids.rid()
    response = shaped({"errcode": problem.code, "errmsg": f"{text} rid: {rid}"}, CONTENT_TYPE)
    seen = {
        "invoke_time": call.sandbox.world.now(),
        "cost_in_ms": 1,
        "request_url": f"/{call.api}",
        "request_body": json.dumps(redact(call.body), ensure_ascii=False),
        "response_body": response.get_data(as_text=True),
        "client_ip": call.ip,
    }
    call.sandbox.keep_rid(rid, {"appid": call.account.get("appid"), "request": seen})
    return response


def person_of(call: Call, openid: Any, foreign: int = 40003) -> str:
    """The person behind an openid of this account; `foreign` for another account's openid."""
    if not openid:
        raise ApiError(41009)
    person = call.sandbox.world.person_of_openid(openid, call.account["appid"])
    if person is None:
        known = isinstance(openid, str) and call.sandbox.world.owner_of_openid(openid) is not None
        raise ApiError(foreign if known else 40003)
    return person


def fans_of(call: Call) -> Doc:
    fans: Doc = call.sandbox.world.data["fans"][call.account["appid"]]
    return fans
