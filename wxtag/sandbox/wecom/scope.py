"""Who and what an app may see: members in its range, customers that are friends, pages behind cursors."""

import base64
import hashlib
import json
from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.edge import Edge
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.world import Doc


def corp_of(call: Call) -> Doc:
    corp: Doc = call.sandbox.world.data["corps"][call.account["corpid"]]
    return corp


def in_range(call: Call, userid: str) -> bool:
    visible = call.account["visible"]
    return visible is None or userid.lower() in {str(item).lower() for item in visible}


def member(call: Call, userid: Any, unknown: int | None = None) -> Doc:
    """A member by id (case does not matter), within the app's range."""
    if not userid:
        raise ApiError(41009)
    found: Doc | None = corp_of(call)["staff"].get(str(userid).lower())
    if found is None:
        raise ApiError(unknown or int(call.sandbox.world.switches["wecom.unknown_userid_code"]))
    if not in_range(call, found["userid"]):
        raise ApiError(60011)
    return found


def readable(call: Call, edge: Edge) -> bool:
    """A verification-free contact is no customer yet; a new one may lag behind its event."""
    lag = float(call.sandbox.world.switches["wecom.read_after_add_lag_seconds"])
    return bool(edge["status"] != "half" and edge["since"] + lag <= call.sandbox.world.precise_now())


def external(call: Call, value: Any) -> str:
    """Checks an external_userid and gives the person behind it."""
    if not value:
        raise ApiError(41035)
    person = call.sandbox.world.person_of_external(call.account["corpid"], value)
    if person is None:
        raise ApiError(40096)
    return person


def edge_of(call: Call, userid: Any, external_userid: Any) -> Edge:
    """The relation of a member and his customer."""
    found = member(call, userid)
    external(call, external_userid)
    edge: Edge | None = corp_of(call)["edges"][found["userid"].lower()].get(external_userid)
    if edge is None or not readable(call, edge):
        raise ApiError(84061)
    return edge


def marks_of(call: Call, edge: Edge) -> list[Doc]:
    """The corp tags of an edge; what becomes of marks of deleted tags is a switch."""
    tags = corp_of(call)["tags"]
    stay = call.sandbox.world.switches["wecom.marks_of_deleted_tags"] == "stay"
    return [tags[key] for key in edge["tags"] if key in tags and (stay or not tags[key]["deleted"])]


def contact_shown(call: Call, person: str) -> Doc:
    world = call.sandbox.world
    account = call.account
    shown: Doc = {
        "external_userid": ids.external_userid(person, account["corpid"]),
        "name": world.data["people"][person]["name"],
        "type": 1,
        "gender": 0,
    }
    if account["role"] == "agent_development":
        # Provider apps get neither face nor unionid.
        return shown
    shown["avatar"] = f"https://wx.qlogo.cn/mmhead/{ids.hexes(12, 'avatar', person)}/0"
    unionid = world.unionid(person, account)
    if unionid:
        shown["unionid"] = unionid
    return shown


def _seal(text: str) -> str:
    return hashlib.sha256(f"cursor|{text}".encode()).hexdigest()[:12]


def cursor_out(subject: str, start: int) -> str:
    text = json.dumps([hashlib.sha256(subject.encode()).hexdigest()[:16], start])
    return base64.urlsafe_b64encode((text + _seal(text)).encode()).decode()


def cursor_in(subject: str, cursor: Any) -> int:
    """Where to go on; 50100 for a cursor that is not of this subject."""
    if not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(str(cursor).encode()).decode()
        text, seal = text[:-12], text[-12:]
        owner, start = json.loads(text)
    except ValueError as problem:
        raise ApiError(50100) from problem
    if seal != _seal(text) or owner != hashlib.sha256(subject.encode()).hexdigest()[:16]:
        raise ApiError(50100)
    return int(start)
