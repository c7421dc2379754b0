"""The relation of a member and a customer, and the customer events that come of its changes."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.edge import Edge
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.pushes import Fields
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc


def new_edge(sandbox: Sandbox, corpid: str, userid: str, key: str, **values: Any) -> Edge:
    world = sandbox.world
    edge = Edge(userid, world.now(), world.precise_now())
    edge.update(values)
    world.data["corps"][corpid]["edges"][userid.lower()][key] = edge
    world.touch_edge(corpid, userid, key)
    return edge


def event_to_apps(sandbox: Sandbox, corpid: str, fields: Fields, userid: str | None = None) -> list[int]:
    """A customer event goes to every callable app that has the member in its range."""
    sent = []
    for app in sandbox.world.apps_of(corpid):
        visible = app["visible"]
        seen = visible is None or userid is None or userid.lower() in {str(v).lower() for v in visible}
        if app["callable"] and app["enabled"] and seen:
            sent.append(sandbox.courier.push(app, fields))
    return sent


def head(sandbox: Sandbox, corpid: str, event: str, at: int | None = None) -> Fields:
    return [
        ("ToUserName", corpid),
        ("FromUserName", "sys"),
        ("CreateTime", sandbox.world.now() if at is None else at),
        ("MsgType", "event"),
        ("Event", event),
    ]


def contact_event(
    sandbox: Sandbox, corpid: str, change: str, userid: str, key: str, *more: tuple[str, str | None]
) -> list[int]:
    fields = head(sandbox, corpid, "change_external_contact")
    fields += [("ChangeType", change), ("UserID", userid), ("ExternalUserID", key)]
    fields += [(name, value) for name, value in more if value]
    return event_to_apps(sandbox, corpid, fields, userid)


def welcome_code(sandbox: Sandbox, corp: Doc) -> str:
    # The first ones are the oldest; nobody can use them any more.
    now, table = sandbox.world.now(), corp["welcome"]
    while table and next(iter(table.values()))["at"] < now - 3600:
        del table[next(iter(table))]
    code = ids.new_text(43)
    corp["welcome"][code] = {"at": sandbox.world.now(), "used": False, "chatting": False}
    return code


def pair(sandbox: Sandbox, body: Doc) -> tuple[str, Doc, Doc, str]:
    """Corp id, corp, member and external_userid of an act between the two."""
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    staff = sandbox.world.need_staff(corp, body.get("userid"))
    person = sandbox.world.need_person(body.get("person"))["id"]
    return corpid, corp, staff, sandbox.world.know_external(person, corpid)


def need_edge(corp: Doc, userid: str, key: str) -> Edge:
    edge: Edge | None = corp["edges"][userid.lower()].get(key)
    if edge is None:
        raise ActError(TEXTS["not_friends"])
    return edge
