"""Handing customers over to another member, and the customers of those who left."""

from wxtag.sandbox.acts.handover import settle_due
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, cursor_in, cursor_out, member
from wxtag.sandbox.world import Doc

_QUARTER = 90 * 86_400


def _pair(call: Call) -> tuple[Doc, Doc]:
    handover = member(call, call.body.get("handover_userid"))
    takeover = member(call, call.body.get("takeover_userid"))
    if handover is takeover:
        raise ApiError(40130)
    return handover, takeover


@wecom_api("externalcontact/transfer_customer", "POST", {"customer": []})
def transfer_customer(call: Call) -> Doc:
    handover, takeover = _pair(call)
    keys = call.listed("external_userid", 40058)
    if not keys or len(keys) > 100:
        raise ApiError(40058)
    world = call.sandbox.world
    rows = []
    for key in keys:
        code = _startable(call, handover, key)
        if not code:
            corp_of(call)["transfers"].append(
                {
                    "from": handover["userid"],
                    "to": takeover["userid"],
                    "external_userid": key,
                    "at": world.now(),
                    "status": 2,
                    "takeover_time": 0,
                }
            )
        rows.append({"external_userid": key, "errcode": code})
    world.changed()
    return {**OK, "customer": rows}


def _startable(call: Call, handover: Doc, key: str) -> int:
    corp, now = corp_of(call), call.sandbox.world.now()
    edge = corp["edges"][handover["userid"].lower()].get(key)
    if edge is None or edge["status"] != "friend":
        return 40131
    past = [t for t in corp["transfers"] if t["external_userid"] == key]
    if any(t["status"] == 2 for t in past):
        return 40100
    done = [t for t in past if t["status"] == 1 and t["takeover_time"] > now - _QUARTER]
    return 40128 if len(done) >= 2 else 0


@wecom_api("externalcontact/transfer_result", "POST", {"customer": []})
def transfer_result(call: Call) -> Doc:
    handover, takeover = _pair(call)
    settle_due(call.sandbox, call.account["corpid"])
    subject = f"transfer|{handover['userid']}|{takeover['userid']}"
    start = cursor_in(subject, call.body.get("cursor"))
    rows = [
        {key: t[key] for key in ("external_userid", "status", "takeover_time")}
        for t in corp_of(call)["transfers"]
        if t["from"] == handover["userid"] and t["to"] == takeover["userid"]
    ]
    cursor = cursor_out(subject, start + 1000) if start + 1000 < len(rows) else ""
    return {**OK, "customer": rows[start : start + 1000], "next_cursor": cursor}


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
