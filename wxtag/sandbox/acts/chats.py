"""Customer groups in the client: made, joined, left, renamed, dissolved, with their change_external_chat."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.acts.relation import event_to_apps, head
from wxtag.sandbox.acts.table import act, texts_of
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.pushes import Bare, Fields
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

# The scenes of the event differ from those of groupchat/get.
_EVENT_SCENES = {1: 0, 2: 0, 3: 3}


def member_id(corpid: str, row: Doc) -> str:
    return str(row["userid"]) if row.get("userid") else ids.external_userid(row["person"], corpid)


def open_chat_id(chat_id: str) -> str:
    """The id a mini-program sees of the group (opengid)."""
    return "o" + ids.fixed_text(27, "opengid", chat_id)


def _need(sandbox: Sandbox, body: Doc) -> tuple[str, Doc]:
    for corpid, corp in sandbox.world.data["corps"].items():
        chat = corp["chats"].get(body.get("chat_id"))
        if chat is not None and not chat["dismissed"]:
            return corpid, chat
    raise ActError(TEXTS["no_chat"].format(body.get("chat_id")))


def _event(sandbox: Sandbox, corpid: str, chat: Doc, change: str, more: Fields) -> Doc:
    fields = head(sandbox, corpid, "change_external_chat")
    fields += [("ChatId", chat["chat_id"]), ("ChangeType", change), *more]
    sandbox.world.changed()
    sent = event_to_apps(sandbox, corpid, fields, chat["owner"])
    return {"chat_id": chat["chat_id"], "deliveries": sent}


def _row(sandbox: Sandbox, body: Doc, **who: Any) -> Doc:
    return {
        **who,
        "join_time": sandbox.world.now(),
        "join_scene": int(body.get("join_scene") or 1),
        "invitor": body.get("invitor"),
        "state": str(body.get("state") or ""),
        "nickname": "",
    }


@act("chat_create")
def chat_create(sandbox: Sandbox, body: Doc) -> Doc:
    """`userid` makes the group `name` with `people` and `staff` in it; `internal` for one without events."""
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    owner = sandbox.world.need_staff(corp, body.get("userid"))["userid"]
    number = str(sandbox.world.number())
    chat = {
        "chat_id": "wr" + ids.fixed_text(30, "chat", corpid, number),
        "name": str(body.get("name") or ""),
        "owner": owner,
        "notice": "",
        "create_time": sandbox.world.now(),
        "admins": texts_of(body.get("admins")),
        "members": [_row(sandbox, {}, userid=owner)],
        "status": 0,
        "internal": bool(body.get("internal")),
        "dismissed": False,
        "version": ids.new_hex(32),
    }
    for userid in texts_of(body.get("staff")):
        chat["members"].append(_row(sandbox, body, userid=sandbox.world.need_staff(corp, userid)["userid"]))
    for person in texts_of(body.get("people")):
        chat["members"].append(_row(sandbox, body, person=sandbox.world.need_person(person)["id"]))
    corp["chats"][chat["chat_id"]] = chat
    if chat["internal"]:
        sandbox.world.changed()
        return {"chat_id": chat["chat_id"], "opengid": open_chat_id(chat["chat_id"]), "deliveries": []}
    return {**_event(sandbox, corpid, chat, "create", []), "opengid": open_chat_id(chat["chat_id"])}


def _members_changed(
    sandbox: Sandbox, corpid: str, chat: Doc, detail: str, rows: list[Doc], join: int, leave: int
) -> Doc:
    before, chat["version"] = chat["version"], ids.new_hex(32)
    more: Fields = [
        ("UpdateDetail", detail),
        ("JoinScene", join),
        ("QuitScene", leave),
        ("MemChangeCnt", len(rows)),
    ]
    listed = sandbox.world.switches["wecom.chat_member_list"]
    keys = [member_id(corpid, row) for row in rows]
    if listed == "items":
        more.append(("MemChangeList", [("Item", Bare(key)) for key in keys]))
    elif listed == "joined":
        more.append(("MemChangeList", ",".join(keys)))
    if listed != "absent":
        more += [("LastMemVer", before), ("CurMemVer", chat["version"])]
    return _event(sandbox, corpid, chat, "update", more)


@act("chat_join")
def chat_join(sandbox: Sandbox, body: Doc) -> Doc:
    """`people` (and `staff`) come in; `join_scene` 1 invited, 2 by a link, 3 by a code with a `state`."""
    corpid, chat = _need(sandbox, body)
    corp = sandbox.world.data["corps"][corpid]
    rows = [
        _row(sandbox, body, person=sandbox.world.need_person(key)["id"])
        for key in texts_of(body.get("people") or body.get("person"))
    ]
    rows += [
        _row(sandbox, body, userid=sandbox.world.need_staff(corp, key)["userid"])
        for key in texts_of(body.get("staff"))
    ]
    inside = {member_id(corpid, row) for row in chat["members"]}
    rows = [row for row in rows if member_id(corpid, row) not in inside]
    chat["members"] += rows
    scene = _EVENT_SCENES.get(int(body.get("join_scene") or 1), 0)
    return _members_changed(sandbox, corpid, chat, "add_member", rows, scene, 0)


@act("chat_leave")
def chat_leave(sandbox: Sandbox, body: Doc) -> Doc:
    """`people` go by themselves, or are `removed`."""
    corpid, chat = _need(sandbox, body)
    gone = set(texts_of(body.get("people") or body.get("person"))) | set(texts_of(body.get("staff")))
    rows = [r for r in chat["members"] if (r.get("person") or r.get("userid")) in gone]
    chat["members"] = [row for row in chat["members"] if row not in rows]
    leave = 1 if body.get("removed") else 0
    return _members_changed(sandbox, corpid, chat, "del_member", rows, 0, leave)


@act("chat_change")
def chat_change(sandbox: Sandbox, body: Doc) -> Doc:
    """A new `name`, `notice` or `owner`: one event each."""
    corpid, chat = _need(sandbox, body)
    sent: list[int] = []
    for field in ("name", "notice", "owner"):
        if body.get(field) is None:
            continue
        chat[field] = str(body[field])
        if field == "owner":
            corp = sandbox.world.data["corps"][corpid]
            chat[field] = sandbox.world.need_staff(corp, body[field])["userid"]
        more: Fields = [("UpdateDetail", f"change_{field}")]
        sent += _event(sandbox, corpid, chat, "update", more)["deliveries"]
    return {"chat_id": chat["chat_id"], "deliveries": sent}


@act("chat_dismiss")
def chat_dismiss(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, chat = _need(sandbox, body)
    chat["dismissed"] = True
    return _event(sandbox, corpid, chat, "dismiss", [])
