"""Contact ways (渠道活码) and welcome messages."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, cursor_in, cursor_out, member
from wxtag.sandbox.world import Doc

_KEPT = ("type", "scene", "style", "remark", "skip_verify", "state", "user", "party", "is_temp",
         "expires_in", "chat_expires_in", "unionid", "conclusions", "is_exclusive")  # fmt: skip
_WINDOW = 90 * 86_400


def _checked(call: Call, body: Doc) -> Doc:
    kept = {key: body[key] for key in _KEPT if key in body}
    for key in ("remark", "state"):
        if not isinstance(kept.get(key, ""), str) or len(kept.get(key, "")) > 30:
            raise ApiError(41044 if key == "state" else 40058)
    users = call.listed("user", 40058)
    kept["user"] = [member(call, user)["userid"] for user in users]
    return kept


@wecom_api("externalcontact/add_contact_way", "POST", {"config_id": ""})
def add_contact_way(call: Call) -> Doc:
    body = call.body
    if body.get("type") not in (1, 2) or body.get("scene") not in (1, 2):
        raise ApiError(41037)
    kept = _checked(call, body)
    if body["type"] == 1 and len(kept["user"]) != 1:
        raise ApiError(41038)
    world = call.sandbox.world
    config_id = ids.hexes(32, "way", call.account["corpid"], str(world.number()))
    way = {"skip_verify": True, "state": "", "remark": "", "party": [], **kept}
    way.update({"config_id": config_id, "created": world.now()})
    result = {**OK, "config_id": config_id}
    if body["scene"] == 2:
        way["qr_code"] = f"https://wework.qpic.cn/wwpic/{config_id[:16]}/0"
        result["qr_code"] = way["qr_code"]
    corp_of(call)["ways"][config_id] = way
    world.changed()
    return result


def _way(call: Call) -> Doc:
    found: Doc | None = corp_of(call)["ways"].get(str(call.body.get("config_id") or ""))
    if found is None:
        raise ApiError(41039)
    return found


@wecom_api("externalcontact/get_contact_way", "POST", {"contact_way": {}})
def get_contact_way(call: Call) -> Doc:
    return {**OK, "contact_way": {key: item for key, item in _way(call).items() if key != "created"}}


@wecom_api("externalcontact/list_contact_way", "POST", {"contact_way": []})
def list_contact_way(call: Call) -> Doc:
    now, body = call.sandbox.world.now(), call.body
    # Without a start only the last 90 days are listed.
    first, last = int(body.get("start_time") or now - _WINDOW), int(body.get("end_time") or now)
    limit = min(int(body.get("limit") or 100), 1000)
    subject = f"ways|{body.get('start_time')}|{body.get('end_time')}"
    start = cursor_in(subject, body.get("cursor"))
    found = [
        {"config_id": key}
        for key, way in corp_of(call)["ways"].items()
        if first <= way["created"] <= last and not way.get("is_temp")
    ]
    more = start + limit < len(found)
    cursor = cursor_out(subject, start + limit) if more else ""
    return {**OK, "contact_way": found[start : start + limit], "next_cursor": cursor}


@wecom_api("externalcontact/update_contact_way")
def update_contact_way(call: Call) -> Doc:
    way = _way(call)
    kept = _checked(call, call.body)
    if "user" not in call.body:
        del kept["user"]
    way.update({key: item for key, item in kept.items() if key not in ("type", "scene", "is_temp")})
    call.sandbox.world.changed()
    return dict(OK)


@wecom_api("externalcontact/del_contact_way")
def del_contact_way(call: Call) -> Doc:
    del corp_of(call)["ways"][_way(call)["config_id"]]
    call.sandbox.world.changed()
    return dict(OK)


@wecom_api("externalcontact/send_welcome_msg")
def send_welcome_msg(call: Call) -> Doc:
    world, body = call.sandbox.world, call.body
    text: Any = (body.get("text") or {}).get("content", "") if isinstance(body.get("text"), dict) else ""
    attachments = body.get("attachments") or []
    if not text and not attachments:
        raise ApiError(40058)
    if len(str(text).encode()) > 4000 or not isinstance(attachments, list) or len(attachments) > 9:
        raise ApiError(40058)
    welcome = corp_of(call)["welcome"].get(str(body.get("welcome_code") or ""))
    if welcome is None or welcome["at"] + float(world.switches["wecom.welcome_seconds"]) < world.now():
        raise ApiError(41050)
    if welcome["used"] or welcome["chatting"]:
        raise ApiError(41051)
    welcome["used"] = True
    welcome["message"] = {"text": text, "attachments": attachments}
    world.changed()
    return dict(OK)
