"""Codes and buttons to join customer groups."""

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of
from wxtag.sandbox.world import Doc

_KEPT = ("scene", "remark", "auto_create_room", "room_base_name", "room_base_id", "chat_id_list", "state")
_HEAD = "externalcontact/groupchat/"


def _checked(call: Call) -> Doc:
    kept = {key: call.body[key] for key in _KEPT if key in call.body}
    chats = kept.get("chat_id_list") or []
    if kept.get("scene") not in (1, 2) or not chats or len(chats) > 5:
        raise ApiError(40058)
    if any(key not in corp_of(call)["chats"] for key in chats):
        raise ApiError(40050)
    if len(str(kept.get("state", ""))) > 30 or len(str(kept.get("remark", ""))) > 30:
        raise ApiError(40058)
    return kept


@wecom_api(_HEAD + "add_join_way", "POST", {"config_id": ""})
def add_join_way(call: Call) -> Doc:
    kept, world = _checked(call), call.sandbox.world
    config_id = ids.hexes(32, "join", call.account["corpid"], str(world.number()))
    way = {"auto_create_room": 1, "state": "", "remark": "", **kept, "config_id": config_id}
    if kept["scene"] == 2:
        way["qr_code"] = f"https://wework.qpic.cn/wwpic/{config_id[:16]}/0"
    corp_of(call)["join_ways"][config_id] = way
    world.changed()
    return {**OK, "config_id": config_id}


def _way(call: Call) -> Doc:
    found: Doc | None = corp_of(call)["join_ways"].get(str(call.body.get("config_id") or ""))
    if found is None:
        raise ApiError(41039)
    return found


@wecom_api(_HEAD + "get_join_way", "POST", {"join_way": {}})
def get_join_way(call: Call) -> Doc:
    return {**OK, "join_way": _way(call)}


@wecom_api(_HEAD + "update_join_way")
def update_join_way(call: Call) -> Doc:
    _way(call).update(_checked(call))
    call.sandbox.world.changed()
    return dict(OK)


@wecom_api(_HEAD + "del_join_way")
def del_join_way(call: Call) -> Doc:
    del corp_of(call)["join_ways"][_way(call)["config_id"]]
    call.sandbox.world.changed()
    return dict(OK)
