"""The corp's directory: members and departments come, change and go, with the events of each app."""

from typing import Any

from wxtag.sandbox import defaults
from wxtag.sandbox.acts.handover import leave
from wxtag.sandbox.acts.relation import head
from wxtag.sandbox.acts.table import act, texts_of
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.pushes import Bare, Fields
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

# Contact sync configured after August 2022 gets these elements only.
_RESTRICTED = {"UserID", "NewUserID", "Department", "Id", "ParentId"}
_ELEMENTS = {"name": "Name", "position": "Position", "mobile": "Mobile", "email": "Email",
             "biz_mail": "BizMail", "status": "Status", "alias": "Alias"}  # fmt: skip


def _told(sandbox: Sandbox, corpid: str, change: str, fields: Fields, always: bool = True) -> list[int]:
    """change_contact, for contact sync and agent-development apps; `always` also with restricted data."""
    world, sent = sandbox.world, []
    for app in world.apps_of(corpid):
        own = app["role"] == "app" and world.switches["wecom.contact_events_to_self_built"]
        if not app["enabled"] or (app["role"] not in ("contact_sync", "agent_development") and not own):
            continue
        limited = app["role"] == "contact_sync" and app["restricted"]
        if limited and not always:
            continue
        mark: Any = change if world.switches["wecom.change_type_cdata"] else Bare(change)
        shown = [(name, value) for name, value in fields if not limited or name in _RESTRICTED]
        full = [*head(sandbox, corpid, "change_contact"), ("ChangeType", mark), *shown]
        sent.append(sandbox.courier.push(app, full))
    return sent


def _seen(sandbox: Sandbox, corpid: str, userid: str, event: str) -> list[int]:
    """subscribe and unsubscribe of the apps that have (or had) the member in their range."""
    sent = []
    for app in sandbox.world.apps_of(corpid):
        visible = app["visible"]
        inside = visible is None or userid.lower() in {str(item).lower() for item in visible}
        if app["enabled"] and app["role"] in ("app", "agent_development") and inside:
            fields = head(sandbox, corpid, event)
            fields[1] = ("FromUserName", userid)
            sent.append(sandbox.courier.push(app, [*fields, ("AgentID", app["agentid"])]))
    return sent


def _parts(member: Doc) -> str:
    return ",".join(str(p) for p in dict.fromkeys([member["department"], *member.get("departments", [])]))


@act("staff_create")
def staff_create(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, _ = sandbox.world.need_corp(body.get("corpid"))
    made = defaults.add_staff(sandbox.world, corpid, body)
    fields: Fields = [("UserID", made["userid"])]
    fields += [(_ELEMENTS[key], made[key]) for key in ("name", "position", "mobile", "status")]
    fields += [("Department", _parts(made)), ("MainDepartment", made["department"])]
    sent = _told(sandbox, corpid, "create_user", fields)
    return {**made, "deliveries": sent + _seen(sandbox, corpid, made["userid"], "subscribe")}


def _rename(sandbox: Sandbox, corpid: str, old: str, new: str) -> None:
    """Another userid: relations, groups and transfers go with the member."""
    corp = sandbox.world.data["corps"][corpid]
    if new.lower() != old.lower() and new.lower() in corp["staff"]:
        raise ActError(TEXTS["staff_exists"].format(new))
    corp["staff"][new.lower()] = {**corp["staff"].pop(old.lower()), "userid": new}
    edges = corp["edges"].pop(old.lower())
    for key, edge in edges.items():
        edge["userid"] = new
        sandbox.world.touch_edge(corpid, old, key)
        sandbox.world.touch_edge(corpid, new, key)
    corp["edges"][new.lower()] = edges
    for chat in corp["chats"].values():
        for row in [chat, *chat["members"]]:
            field = "owner" if row is chat else "userid"
            row[field] = new if str(row.get(field)).lower() == old.lower() else row.get(field)
    for row in corp["transfers"]:
        for field in ("from", "to"):
            row[field] = new if row[field].lower() == old.lower() else row[field]


@act("staff_update")
def staff_update(sandbox: Sandbox, body: Doc) -> Doc:
    """`new_userid`, `department`, `departments`, `name`, …: the event has only what changed."""
    world = sandbox.world
    corpid, corp = world.need_corp(body.get("corpid"))
    staff = world.need_staff(corp, body.get("userid"))
    old, was = staff["userid"], staff["status"]
    fields: Fields = [("UserID", old)]
    weighty = bool(body.get("new_userid")) or "department" in body or "departments" in body
    if body.get("new_userid"):
        _rename(sandbox, corpid, old, str(body["new_userid"]))
        staff = corp["staff"][str(body["new_userid"]).lower()]
        fields.append(("NewUserID", staff["userid"]))
    for key in ("name", "position", "mobile", "email", "biz_mail", "alias"):
        if key in body:
            staff[key] = str(body[key])
            fields.append((_ELEMENTS[key], staff[key]))
    for key in ("customer_contact", "licensed", "wechat_bound"):
        if key in body:
            staff[key] = bool(body[key])
    if "status" in body:
        staff["status"] = int(body["status"])
        fields.append(("Status", staff["status"]))
    if "department" in body or "departments" in body:
        staff["departments"] = [int(part) for part in body.get("departments") or []]
        staff["department"] = int(body.get("department") or staff["departments"][0])
        fields += [("Department", _parts(staff)), ("MainDepartment", staff["department"])]
    world.changed()
    sent = _told(sandbox, corpid, "update_user", fields, weighty) if len(fields) > 1 else []
    if was != staff["status"] and 1 in (was, staff["status"]):
        event = "subscribe" if staff["status"] == 1 else "unsubscribe"
        sent += _seen(sandbox, corpid, staff["userid"], event)
    return {"corpid": corpid, **staff, "deliveries": sent}


@act("staff_leave")
def staff_leave(sandbox: Sandbox, body: Doc) -> Doc:
    """A member leaves the corp: the customers wait to be assigned."""
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    staff = sandbox.world.need_staff(corp, body.get("userid"))
    leave(sandbox, corpid, staff)
    sent = _told(sandbox, corpid, "delete_user", [("UserID", staff["userid"])])
    return {"corpid": corpid, "deliveries": sent + _seen(sandbox, corpid, staff["userid"], "unsubscribe")}


@act("party_create")
def party_create(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    number = int(body.get("id") or max(int(key) for key in corp["departments"]) + 1)
    parent = int(body.get("parentid") or 1)
    if str(number) in corp["departments"] or str(parent) not in corp["departments"]:
        raise ActError(TEXTS["bad_party"].format(number))
    name = str(body.get("name") or TEXTS["department"].format(number))
    corp["departments"][str(number)] = {"id": number, "name": name, "parentid": parent, "order": number}
    sandbox.world.changed()
    fields: Fields = [("Id", number), ("Name", name), ("ParentId", str(parent)), ("Order", number)]
    return {"id": number, "deliveries": _told(sandbox, corpid, "create_party", fields)}


def _party(sandbox: Sandbox, body: Doc) -> tuple[str, Doc, Doc]:
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    found = corp["departments"].get(str(body.get("id")))
    if found is None:
        raise ActError(TEXTS["bad_party"].format(body.get("id")))
    return corpid, corp, found


@act("party_update")
def party_update(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp, found = _party(sandbox, body)
    fields: Fields = [("Id", found["id"])]
    if body.get("name"):
        found["name"] = str(body["name"])
        fields.append(("Name", found["name"]))
    if body.get("parentid"):
        if str(body["parentid"]) not in corp["departments"]:
            raise ActError(TEXTS["bad_party"].format(body["parentid"]))
        found["parentid"] = int(body["parentid"])
        fields.append(("ParentId", str(found["parentid"])))
    sandbox.world.changed()
    moved = bool(body.get("parentid"))
    return {"id": found["id"], "deliveries": _told(sandbox, corpid, "update_party", fields, moved)}


@act("party_delete")
def party_delete(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp, found = _party(sandbox, body)
    inside = any(str(found["id"]) in _parts(member).split(",") for member in corp["staff"].values())
    below = any(part["parentid"] == found["id"] for part in corp["departments"].values())
    if inside or below or found["id"] == 1:
        raise ActError(TEXTS["bad_party"].format(found["id"]))
    del corp["departments"][str(found["id"])]
    sandbox.world.changed()
    return {"deliveries": _told(sandbox, corpid, "delete_party", [("Id", found["id"])])}


@act("member_tag_update")
def member_tag_update(sandbox: Sandbox, body: Doc) -> Doc:
    """A tag of members (not of customers) has others now; it is only told, not kept."""
    corpid, _ = sandbox.world.need_corp(body.get("corpid"))
    fields: Fields = [("TagId", int(body.get("id") or 1))]
    names = {"add_users": "AddUserItems", "del_users": "DelUserItems",
             "add_parties": "AddPartyItems", "del_parties": "DelPartyItems"}  # fmt: skip
    fields += [(name, ",".join(texts_of(body.get(key)))) for key, name in names.items()]
    return {"deliveries": _told(sandbox, corpid, "update_tag", fields)}
