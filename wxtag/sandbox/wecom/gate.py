"""The checks before a WeCom interface, in the platform's order, and how its failures look."""

import secrets
from contextlib import ExitStack
from typing import Any

from flask import Response, request

from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Api, ApiTable, Call, parsed_body, shaped
from wxtag.sandbox.wecom.codes import TEXTS

CONTENT_TYPE = "application/json; charset=UTF-8"
wecom_api = ApiTable()
OK = {"errcode": 0, "errmsg": "ok"}
_EDITS = ("externalcontact/mark_tag", "externalcontact/remark")


def check(call: Call, api: Api, held: ExitStack) -> None:
    """Token, address, permission, frequency, parallel calls; the body comes last."""
    if api.token:
        call.account = account_of_token(call)
        check_address(call)
        if api.name.startswith("externalcontact/") and not call.account["callable"]:
            raise ApiError(48002)
        _check_frequency(call)
    raw = request.get_data()
    if api.method == "POST":
        if request.method != "POST":
            raise ApiError(40058)
        call.body = _body(raw)
    elif raw:
        # Some clients send a body with GET; the platform reads the query alone.
        call.body = {}
    if not api.token:
        return
    _check_parallel(call, api, held)


def _check_parallel(call: Call, api: Api, held: ExitStack) -> None:
    """Too many calls of an interface at one time, or two edits of one contact."""
    sandbox, corpid = call.sandbox, call.account["corpid"]
    # Refused ones count too.
    if call.text("external_userid"):
        kind = "edits of a contact" if api.name in _EDITS else "reads of a contact"
        held.enter_context(sandbox.calls.peaks.one(kind, call.text("external_userid")))
    if api.name.startswith("externalcontact/"):
        flying = held.enter_context(sandbox.flights.one(f"{corpid}|{api.name}"))
        if flying > int(sandbox.world.switches["wecom.max_parallel"]):
            raise ApiError(45033)
    overlap = int(sandbox.world.switches["wecom.same_contact_overlap_code"])
    if api.name in _EDITS and overlap:
        contact = f"edit|{corpid}|{call.text('external_userid')}"
        if held.enter_context(sandbox.flights.one(contact)) > 1:
            raise ApiError(overlap)


def account_of_token(call: Call) -> dict[str, Any]:
    token = call.args.get("access_token", "")
    if not token:
        raise ApiError(41001)
    world = call.sandbox.world
    known = world.data["tokens"].get(token)
    account = world.account(known["account"]) if known and known["platform"] == "wecom" else None
    if known is None or account is None:
        raise ApiError(40014)
    if known["expires"] <= world.now():
        raise ApiError(42001)
    if not account["enabled"]:
        raise ApiError(50003)
    return account


def check_address(call: Call) -> None:
    allowed = call.account.get("ip_allowed")
    if allowed and call.ip not in allowed:
        raise ApiError(60020)


def _check_frequency(call: Call) -> None:
    sandbox = call.sandbox
    switches, now = sandbox.world.switches, sandbox.world.precise_now()
    key, block = f"{call.account['corpid']}|{call.api}", float(switches["wecom.block_seconds"])
    full = [
        sandbox.windows.exceeded(key, length, int(switches[name]), now, block)
        for name, length in (("wecom.minute_limit", 60), ("wecom.hour_limit", 3600))
    ]
    if call.args.get("debug") == "1":
        limit = int(switches["wecom.debug_calls_per_minute"])
        full.append(sandbox.windows.exceeded(key + "|debug", 60, limit, now))
    if any(full):
        raise ApiError(sandbox.windows.code(key, 45009))


def _body(raw: bytes) -> dict[str, Any]:
    try:
        found = parsed_body(raw or b"{}")
    except ValueError as problem:
        raise ApiError(40058, "invalid Request Parameter, Warning: wrong json format.") from problem
    if not isinstance(found, dict):
        raise ApiError(40058)
    return found


def failed(call: Call, api: Api, problem: ApiError) -> Response:
    """Failures are HTTP 200 with the interface's empty fields and the code in headers too."""
    text = problem.text or TEXTS.get(problem.code, "error")
    hint = secrets.randbelow(10**10) + 10**15
    message = (
        f"{text}, hint: [{hint}], from ip: {call.ip}, "
        f"more info at https://open.work.weixin.qq.com/devtool/query?e={problem.code}"
    )
    response = shaped({"errcode": problem.code, "errmsg": message, **api.empty}, CONTENT_TYPE)
    response.headers["Error-Code"] = str(problem.code)
    response.headers["Error-Msg"] = message
    return response
