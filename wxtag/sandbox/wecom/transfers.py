"""Handing customers over to another member, and the customers of those who left."""

from typing import Any

from wxtag.sandbox.acts.handover import settle_due
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, cursor_in, cursor_out, member
from wxtag.sandbox.world import Doc

_QUARTER = 90 * 86_400
_PAGE = 1000


def _pair(call: Call, resigned: bool) -> tuple[Doc, Doc]:
    """Giver and taker; the giver is at work, or one of those who left."""
    wanted = call.body.get("handover_userid")
    gone: Any = corp_of(call)["left"].get(str(wanted or "").lower())
    if resigned and gone is None:
        member(call, wanted)
        raise ApiError(40097)
    handover = gone if resigned else member(call, wanted)
    takeover = member(call, call.body.get("takeover_userid"))
    if handover is takeover:
        raise ApiError(40130)
    return handover, takeover


def _start(call: Call, resigned: bool) -> Doc:
    handover, takeover = _pair(call, resigned)
    keys = call.listed("external_userid", 40058)
    if not keys or len(keys) > 100:
        raise ApiError(40058)
    world, corp = call.sandbox.world, corp_of(call)
    known = handover["edges"] if resigned else corp["edges"][handover["userid"].lower()]
    rows = []
    for key in keys:
        code = _startable(call, known, key, resigned)
        if not code:
            row = {"from": handover["userid"], "to": takeover["userid"], "external_userid": key}
            row.update({"at": world.now(), "status": 2, "takeover_time": 0, "resigned": resigned})
            corp["transfers"].append(row)
        rows.append({"external_userid": key, "errcode": code})
    world.changed()
    return {**OK, "customer": rows}


def _startable(call: Call, known: Doc, key: str, resigned: bool) -> int:
    corp, now = corp_of(call), call.sandbox.world.now()
    edge = known.get(key)
    if edge is None or edge["status"] != "friend":
        return 40131
    past = [t for t in corp["transfers"] if t["external_userid"] == key]
    if any(t["status"] == 2 for t in past):
        return 40100
    done = [t for t in past if t["status"] == 1 and t["takeover_time"] > now - _QUARTER]
    return 40128 if len(done) >= 2 and not resigned else 0


def _result(call: Call, resigned: bool) -> Doc:
    handover, takeover = _pair(call, resigned)
    settle_due(call.sandbox, call.account["corpid"])
    subject = f"transfer|{resigned}|{handover['userid']}|{takeover['userid']}"
    start = cursor_in(subject, call.body.get("cursor"))
    rows = [
        {key: t[key] for key in ("external_userid", "status", "takeover_time")}
        for t in corp_of(call)["transfers"]
        if t["from"] == handover["userid"] and t["to"] == takeover["userid"]
        if bool(t.get("resigned")) == resigned
    ]
    cursor = cursor_out(subject, start + _PAGE) if start + _PAGE < len(rows) else ""
    return {**OK, "customer": rows[start : start + _PAGE], "next_cursor": cursor}


@wecom_api("externalcontact/transfer_customer", "POST", {"customer": []})
def transfer_customer(call: Call) -> Doc:
    return _start(call, False)


@wecom_api("externalcontact/transfer_result", "POST", {"customer": []})
def transfer_result(call: Call) -> Doc:
    return _result(call, False)


@wecom_api("externalcontact/resigned/transfer_customer", "POST", {"customer": []})
def resigned_transfer_customer(call: Call) -> Doc:
    return _start(call, True)


@wecom_api("externalcontact/resigned/transfer_result", "POST", {"customer": []})
def resigned_transfer_result(call: Call) -> Doc:
    return _result(call, True)


@wecom_api("externalcontact/get_unassigned_list", "POST", {"info": []})
def get_unassigned_list(call: Call) -> Doc:
    size = call.body.get("page_size") or 1000
    if not isinstance(size, int) or size > 1000:
        raise ApiError(40058)
    page = int(call.body.get("page_id") or 0)
    if page * size >= 50_000:
        raise ApiError(40058)
    start = cursor_in("unassigned", call.body.get("cursor")) or page * size
    rows = corp_of(call)["unassigned"]
    last = start + size >= len(rows)
    cursor = "" if last else cursor_out("unassigned", start + size)
    return {**OK, "info": rows[start : start + size], "is_last": last, "next_cursor": cursor}
