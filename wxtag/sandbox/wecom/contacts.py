"""Customers: who has some, details, the bulk list, remarks."""

from typing import Any

from wxtag.sandbox.edge import Edge
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import (
    contact_shown,
    corp_of,
    cursor_in,
    cursor_out,
    edge_of,
    external,
    in_range,
    marks_of,
    member,
    readable,
)
from wxtag.sandbox.world import Doc


@wecom_api("externalcontact/get_follow_user_list", "GET", {"follow_user": []})
def get_follow_user_list(call: Call) -> Doc:
    staff = corp_of(call)["staff"].values()
    found = [s["userid"] for s in staff if s["customer_contact"] and in_range(call, s["userid"])]
    return {**OK, "follow_user": found}


@wecom_api("externalcontact/list", "GET", {"external_userid": []})
def list_contacts(call: Call) -> Doc:
    found = member(call, call.args.get("userid"))
    edges = corp_of(call)["edges"][found["userid"].lower()]
    known = [key for key, edge in edges.items() if readable(call, edge)]
    if not known and call.sandbox.world.switches["wecom.list_empty"] != "empty":
        raise ApiError(int(call.sandbox.world.switches["wecom.list_empty"]))
    return {**OK, "external_userid": known}


def _common(edge: Edge) -> Doc:
    shown = {
        "userid": edge["userid"],
        "remark": edge["remark"],
        "description": edge["description"],
        "createtime": edge["createtime"],
        "remark_corp_name": edge["company"],
        "remark_mobiles": edge["mobiles"],
        "oper_userid": edge["oper_userid"],
        "add_way": edge["add_way"],
    }
    if edge["state"]:
        shown["state"] = edge["state"]
    return shown


def _follower(call: Call, edge: Edge) -> Doc:
    groups = corp_of(call)["groups"]
    tags: list[Doc] = [
        {
            "group_name": groups[tag["group_id"]]["name"],
            "tag_name": tag["name"],
            "tag_id": tag["id"],
            "type": 1 if tag.get("strategy") is None else 3,
        }
        for tag in marks_of(call, edge)
    ]
    # Personal tags have no id.
    tags += [{"group_name": "个人", "tag_name": name, "type": 2} for name in edge["personal"]]
    return {**_common(edge), "tags": tags}


@wecom_api("externalcontact/get", "GET", {"external_contact": {}, "follow_user": []})
def get_contact(call: Call) -> Doc:
    key = call.args.get("external_userid")
    person = external(call, key)
    corp = corp_of(call)
    followers = [edges[key] for edges in corp["edges"].values() if key in edges]
    if followers and not any(in_range(call, edge["userid"]) for edge in followers):
        raise ApiError(60011)
    followers = [e for e in followers if in_range(call, e["userid"]) and readable(call, e)]
    if not followers:
        raise ApiError(84061)
    page = int(call.sandbox.world.switches["wecom.user_follow_page"])
    start = cursor_in(f"get|{key}", call.args.get("cursor"))
    shown = [_follower(call, edge) for edge in followers[start : start + page]]
    more = start + page < len(followers)
    return {
        **OK,
        "external_contact": contact_shown(call, person),
        "follow_user": shown,
        "next_cursor": cursor_out(f"get|{key}", start + page) if more else "",
    }


@wecom_api("externalcontact/batch/get_by_user", "POST", {"external_contact_list": []})
def batch_get_by_user(call: Call) -> Doc:
    """One row a follower; the relations are those of the first page, however long the reading takes."""
    world, snapshots = call.sandbox.world, call.sandbox.snapshots
    users = call.listed("userid_list", 40058)
    if not users:
        raise ApiError(41009)
    if len(users) > 100:
        raise ApiError(40058, "field `userid_list` exceed max length 100. invalid Request Parameter")
    limit = call.body.get("limit") or 50
    if not isinstance(limit, int) or limit < 0:
        raise ApiError(40058)
    limit = min(limit, 100)
    unknown = int(world.switches["wecom.batch_unknown_userid_code"])
    members = [member(call, user, unknown) for user in users]
    licensed = [found for found in members if found.get("licensed", True)]
    if not licensed:
        raise ApiError(701008)
    subject = "batch|" + call.account["id"] + "|" + "|".join(users)
    if call.body.get("cursor"):
        rows, start = snapshots.find(subject, call.body["cursor"])
    else:
        rows, start = _relations(call, licensed), 0
    result = {
        **OK,
        "external_contact_list": _page(call, rows[start : start + limit]),
        "next_cursor": snapshots.keep(subject, rows, start + limit),
    }
    unlicensed = [found["userid"] for found in members if found not in licensed]
    if unlicensed or world.switches["wecom.fail_info"]:
        result["fail_info"] = {"unlicensed_userid_list": unlicensed}
    return result


def _relations(call: Call, members: list[Doc]) -> list[tuple[str, str]]:
    edges = corp_of(call)["edges"]
    return [
        (low, key)
        for low in (found["userid"].lower() for found in members)
        for key, edge in edges[low].items()
        if readable(call, edge)
    ]


def _page(call: Call, rows: list[tuple[str, str]]) -> list[Doc]:
    """The rows with their relations as they are now; what is gone meanwhile is left out."""
    edges = corp_of(call)["edges"]
    found = [(key, edges.get(low, {}).get(key)) for low, key in rows]
    return [_row(call, key, edge) for key, edge in found if edge is not None]


def _row(call: Call, key: str, edge: Edge) -> Doc:
    follow = {**_common(edge), "tag_id": [tag["id"] for tag in marks_of(call, edge)]}
    return {"external_contact": contact_shown(call, external(call, key)), "follow_info": follow}


_REMARKS = {"remark": ("remark", 20), "description": ("description", 150), "remark_company": ("company", 20)}


@wecom_api("externalcontact/remark")
def remark(call: Call) -> Doc:
    body = call.body
    given = [name for name in (*_REMARKS, "remark_mobiles", "remark_pic_mediaid") if name in body]
    edge = edge_of(call, body.get("userid"), body.get("external_userid"))
    if not given:
        raise ApiError(40058)
    changes: dict[str, Any] = {}
    for name, (field, most) in _REMARKS.items():
        if name in body:
            if not isinstance(body[name], str) or len(body[name]) > most:
                raise ApiError(40058)
            changes[field] = body[name]
    if "remark_mobiles" in body:
        # How the list is cleared is not stated: "" and [""] are both taken.
        mobiles = [body["remark_mobiles"]] if body["remark_mobiles"] == "" else body["remark_mobiles"]
        if not isinstance(mobiles, list):
            raise ApiError(40058)
        changes["mobiles"] = [mobile for mobile in mobiles if mobile]
    edge.update(changes)
    call.sandbox.world.touch_edge(call.account["corpid"], body["userid"], body["external_userid"])
    return dict(OK)
