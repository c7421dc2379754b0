"""What a member sees in the client, as data."""

from wxtag.sandbox import ids, library
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.edge import Edge
from wxtag.sandbox.world import Doc


def staff_view(sandbox: Sandbox, corpid: str, userid: str, limit: int | None = None) -> Doc:
    """The customers of a member, newest first, with their tags in the order of the library."""
    world = sandbox.world
    corpid, corp = world.need_corp(corpid)
    staff = world.need_staff(corp, userid)
    groups = library.live_groups(corp)
    order = [tag["id"] for group in groups for tag in library.tags_of(corp, group["id"])]
    place = {tag_id: number for number, tag_id in enumerate(order)}
    rows = []
    newest = sorted(
        corp["edges"][staff["userid"].lower()].items(), key=lambda row: -int(row[1]["createtime"])
    )
    for key, edge in newest[:limit]:
        person = world.person_of_external(corpid, key)
        if person is not None:
            rows.append(_customer(sandbox, corp, person, key, edge, place))
    messages = [m for m in corp["messages"] if staff["userid"] in m["to"]]
    return {
        "corp": {"corpid": corpid, "name": corp["name"]},
        "staff": {key: staff[key] for key in ("userid", "name", "department", "position")},
        "customers": rows,
        "messages": messages[-20:],
    }


def _customer(sandbox: Sandbox, corp: Doc, person: str, key: str, edge: Edge, place: dict[str, int]) -> Doc:
    stay = sandbox.world.switches["wecom.marks_of_deleted_tags"] == "stay"
    marks = [tag_id for tag_id in edge["tags"] if tag_id in place or (stay and tag_id in corp["tags"])]
    marks.sort(key=lambda tag_id: place.get(tag_id, len(place)))
    tags = [
        {
            "group": corp["groups"][corp["tags"][tag_id]["group_id"]]["name"],
            "name": corp["tags"][tag_id]["name"],
            "id": tag_id,
            "type": 1,
            "by": edge["tags"][tag_id]["by"],
        }
        for tag_id in marks
    ]
    tags += [{"group": "", "name": name, "id": None, "type": 2, "by": "staff"} for name in edge["personal"]]
    return {
        "person": person,
        "name": sandbox.world.data["people"][person]["name"],
        "remark": edge["remark"],
        "description": edge["description"],
        "mobiles": edge["mobiles"],
        "external_userid": key,
        "add_time": edge["createtime"],
        "state": edge["state"],
        "add_way": edge["add_way"],
        "status": edge["status"],
        "tags": tags,
    }


def person_state(sandbox: Sandbox, key: str) -> Doc:
    """Where a person is a fan, is logged in, and has friends."""
    world = sandbox.world
    person = world.need_person(key)["id"]
    accounts = []
    for account in world.data["accounts"].values():
        if account["kind"] == "official_account":
            fan = world.data["fans"][account["appid"]].get(ids.openid(person, account["appid"]))
            on = bool(fan and fan["subscribe"])
        elif account["kind"] == "mini_program":
            on = f"{account['appid']}|{person}" in world.data["mini_tokens"]
        else:
            continue
        accounts.append(
            {"appid": account["appid"], "kind": account["kind"], "name": account["name"], "on": on}
        )
    friends = [
        member["name"]
        for corpid, corp in world.data["corps"].items()
        for member in corp["staff"].values()
        if ids.external_userid(person, corpid) in corp["edges"][member["userid"].lower()]
    ]
    inbox = [
        {**message, "from": account["name"]}
        for account in world.data["accounts"].values()
        if account["kind"] != "wecom"
        for message in world.data["inbox"].get(ids.openid(person, account["appid"]), [])
    ]
    inbox.sort(key=lambda message: int(message["at"]))
    return {"accounts": accounts, "friends": friends, "inbox": inbox[-5:]}
