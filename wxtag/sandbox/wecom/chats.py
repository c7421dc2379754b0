"""Customer groups: the list, one group with its members, ids, and new owners."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.acts.chats import member_id, open_chat_id
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, cursor_in, cursor_out, in_range, member
from wxtag.sandbox.world import Doc

_MOST_PAGE, _MOST_OWNERS, _MOST_UNFILTERED = 1000, 100, 1000


def _chat(call: Call, chat_id: Any) -> Doc:
    if not chat_id:
        raise ApiError(40063)
    found: Doc | None = corp_of(call)["chats"].get(str(chat_id))
    if found is None:
        raise ApiError(40050)
    if found["dismissed"]:
        raise ApiError(49008)
    if found["internal"]:
        raise ApiError(90501)
    if not in_range(call, found["owner"]):
        raise ApiError(60011)
    return found


@wecom_api("externalcontact/groupchat/list", "POST", {"group_chat_list": []})
def groupchat_list(call: Call) -> Doc:
    limit, status = call.body.get("limit"), call.body.get("status_filter") or 0
    if not isinstance(limit, int) or not 1 <= limit <= _MOST_PAGE or status not in (0, 1, 2, 3):
        raise ApiError(40058)
    given = call.body.get("owner_filter") or {}
    owners = given.get("userid_list") or [] if isinstance(given, dict) else []
    if len(owners) > _MOST_OWNERS:
        raise ApiError(40058, "field `userid_list` exceed max length 100. invalid Request Parameter")
    staff = corp_of(call)["staff"]
    if not owners and sum(1 for s in staff.values() if in_range(call, s["userid"])) > _MOST_UNFILTERED:
        raise ApiError(81017)
    wanted = {member(call, userid)["userid"] for userid in owners}
    rows = [
        {"chat_id": chat["chat_id"], "status": chat["status"]}
        for chat in corp_of(call)["chats"].values()
        if not chat["dismissed"] and not chat["internal"] and in_range(call, chat["owner"])
        if (not wanted or chat["owner"] in wanted) and status in (0, chat["status"])
    ]
    subject = f"chats|{status}|{sorted(wanted)}"
    start = cursor_in(subject, call.body.get("cursor"))
    cursor = cursor_out(subject, start + limit) if start + limit < len(rows) else ""
    return {**OK, "group_chat_list": rows[start : start + limit], "next_cursor": cursor}


@wecom_api("externalcontact/groupchat/get", "POST", {"group_chat": {}})
def groupchat_get(call: Call) -> Doc:
    chat = _chat(call, call.body.get("chat_id"))
    named = call.body.get("need_name") == 1
    shown = {key: chat[key] for key in ("chat_id", "name", "owner", "create_time", "notice")}
    shown["member_list"] = [_member(call, row, named) for row in chat["members"]]
    shown["admin_list"] = [{"userid": userid} for userid in chat["admins"]]
    shown["member_version"] = chat["version"]
    return {**OK, "group_chat": shown}


def _member(call: Call, row: Doc, named: bool) -> Doc:
    world, corpid = call.sandbox.world, call.account["corpid"]
    shown: Doc = {
        "userid": member_id(corpid, row),
        "type": 1 if row.get("userid") else 2,
        "join_time": row["join_time"],
        "join_scene": row["join_scene"],
    }
    if row.get("invitor"):
        shown["invitor"] = {"userid": row["invitor"]}
    shown["group_nickname"] = row["nickname"]
    if row.get("userid"):
        name = corp_of(call)["staff"].get(row["userid"].lower(), {}).get("name", "")
    else:
        unionid = world.unionid(row["person"], call.account)
        if unionid:
            shown["unionid"] = unionid
        if row["state"]:
            shown["state"] = row["state"]
        name = world.data["people"][row["person"]]["name"]
    return {**shown, "name": name} if named else shown


@wecom_api("externalcontact/opengid_to_chatid", "POST", {"chat_id": ""})
def opengid_to_chatid(call: Call) -> Doc:
    for chat_id in corp_of(call)["chats"]:
        if open_chat_id(chat_id) == call.body.get("opengid"):
            return {**OK, "chat_id": chat_id}
    raise ApiError(40050)


def _transfer(call: Call, left: bool) -> Doc:
    """Groups of owners that left (or not): those that cannot go are named with their code."""
    taker, corp = member(call, call.body.get("new_owner")), corp_of(call)
    keys = call.listed("chat_id_list", 40058)
    if not keys or len(keys) > 100:
        raise ApiError(40058)
    failed = []
    for key in keys:
        chat = corp["chats"].get(key)
        gone = chat is not None and chat["owner"].lower() not in corp["staff"]
        code = 40050 if chat is None else 49008 if chat["dismissed"] else 90501 if chat["internal"] else 0
        code = code or (90500 if left and not gone else 90502 if gone and not left else 0)
        if code or chat is None:
            failed.append({"chat_id": key, "errcode": code, "errmsg": "transfer failed"})
        else:
            chat.update({"owner": taker["userid"], "status": 3})
    call.sandbox.world.changed()
    return {**OK, "failed_chat_list": failed}


@wecom_api("externalcontact/groupchat/transfer", "POST", {"failed_chat_list": []})
def groupchat_transfer(call: Call) -> Doc:
    return _transfer(call, True)


@wecom_api("externalcontact/groupchat/onjob_transfer", "POST", {"failed_chat_list": []})
def groupchat_onjob_transfer(call: Call) -> Doc:
    return _transfer(call, False)


@wecom_api("externalcontact/contact_list", "POST", {"info_list": []})
def contact_list(call: Call) -> Doc:
    """Everybody the members served: customers, and members of groups that are none."""
    limit = call.body.get("limit") or 1000
    if not isinstance(limit, int) or not 1 <= limit <= 1000:
        raise ApiError(40058)
    corp, snapshots = corp_of(call), call.sandbox.snapshots
    subject = f"served|{call.account['id']}"
    cursor = call.body.get("cursor")
    if cursor:
        rows, start = snapshots.find(subject, cursor)
    else:
        rows, start = [*_customers(call), *_strangers(call, corp)], 0
    page = [_served(call, row) for row in rows[start : start + limit]]
    return {
        **OK,
        "info_list": page,
        "next_cursor": snapshots.keep(subject, rows, start + limit),
    }


def _customers(call: Call) -> list[Any]:
    return [
        ("customer", edge["userid"], key, edge["createtime"])
        for edges in corp_of(call)["edges"].values()
        for key, edge in edges.items()
        if edge["status"] != "half" and in_range(call, edge["userid"])
    ]


def _strangers(call: Call, corp: Doc) -> list[Any]:
    known = {key for edges in corp["edges"].values() for key in edges}
    return [
        ("stranger", chat["chat_id"], member_id(call.account["corpid"], row), row["join_time"])
        for chat in corp["chats"].values()
        for row in chat["members"]
        if not row.get("userid") and member_id(call.account["corpid"], row) not in known
    ]


def _served(call: Call, row: Any) -> Doc:
    kind, owner, key, at = row
    window = call.sandbox.world.now() // 14_400
    shown = {"is_customer": kind == "customer", "tmp_openid": ids.hexes(32, "tmp", key, str(window))}
    if kind == "customer":
        return {**shown, "external_userid": key, "follow_userid": owner, "add_time": at}
    person = call.sandbox.world.person_of_external(call.account["corpid"], key)
    name = call.sandbox.world.data["people"][person]["name"] if person else ""
    chat_name = corp_of(call)["chats"][owner]["name"]
    return {**shown, "name": "***" + name[-1:], "chat_id": owner, "chat_name": chat_name, "add_time": at}
