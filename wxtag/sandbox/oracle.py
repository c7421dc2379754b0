"""The truth of the world for tests: who has which tags, how often each really changed, and when."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.world import Doc

MOST = 100_000
# A row of the ledger: put on and taken off by an app, put on and taken off by staff.
_WAYS = ("put", "taken", "put_by_staff", "taken_by_staff")


def _chosen(sandbox: Sandbox, corp: Doc, corpid: str, asked: Doc) -> list[tuple[str, str]]:
    """The relations that are asked for, as (member, external_userid)."""
    low, key, tag = str(asked.get("userid") or "").lower(), asked.get("external_userid"), asked.get("tag_id")
    if asked.get("person"):
        key = ids.external_userid(sandbox.world.need_person(asked["person"])["id"], corpid)
    tables = [(low, corp["edges"].get(low, {}))] if low else corp["edges"].items()
    if key:
        return [(name, str(key)) for name, edges in tables if key in edges]
    tagged = asked.get("tagged") == "1"
    return [
        (name, found)
        for name, edges in tables
        for found, edge in edges.items()
        if (not tag or tag in edge["tags"]) and (not tagged or edge["tags"])
    ]


def relations(sandbox: Sandbox, asked: Doc) -> Doc:
    """Pages of relations, each with its tags as staff would see them."""
    corpid, corp = sandbox.world.need_corp(asked.get("corpid"))
    limit = min(int(asked.get("limit") or 1000), MOST)
    if asked.get("cursor"):
        rows, start = sandbox.snapshots.find("oracle", asked["cursor"])
    else:
        rows, start = _chosen(sandbox, corp, corpid, asked), 0
    stay = sandbox.world.switches["wecom.marks_of_deleted_tags"] == "stay"
    ledger = sandbox.world.data["ledger"].get(corpid, {})
    page = [
        _relation(sandbox, corpid, corp, name, key, stay, ledger)
        for name, key in rows[start : start + limit]
        if key in corp["edges"].get(name, {})
    ]
    return {
        "total": len(rows),
        "relations": page,
        "next": sandbox.snapshots.keep("oracle", rows, start + limit),
    }


def _relation(sandbox: Sandbox, corpid: str, corp: Doc, name: str, key: str, stay: bool, ledger: Doc) -> Doc:
    edge = corp["edges"][name][key]
    tags = [t for t in edge["tags"] if t in corp["tags"] and (stay or not corp["tags"][t]["deleted"])]
    return {
        "userid": edge["userid"],
        "external_userid": key,
        "person": sandbox.world.person_of_external(corpid, key),
        "status": edge["status"],
        "tags": sorted(tags),
        "names": sorted(_full_name(corp, tag) for tag in tags),
        "personal": edge["personal"],
        "remark": edge["remark"],
        "changed_ms": ledger.get(f"{name}|{key}", {"at": 0})["at"],
    }


def _full_name(corp: Doc, tag_id: str) -> str:
    tag = corp["tags"][tag_id]
    return f"{corp['groups'][tag['group_id']]['name']}/{tag['name']}"


def changes(sandbox: Sandbox, asked: Doc) -> Doc:
    """How often tags really went on and off; `min` shows only those that changed that often."""
    corpid, corp = sandbox.world.need_corp(asked.get("corpid"))
    low, key, wanted = (
        str(asked.get("userid") or "").lower(),
        asked.get("external_userid"),
        asked.get("tag_id"),
    )
    least, limit = int(asked.get("min") or 1), min(int(asked.get("limit") or 1000), MOST)
    rows: list[Doc] = []
    whole: Doc = dict.fromkeys(_WAYS, 0)
    found = 0
    for relation, row in sandbox.world.data["ledger"].get(corpid, {}).items():
        name, _, external = relation.partition("|")
        if (low and name != low) or (key and external != key):
            continue
        for tag_id, counts in row["tags"].items():
            if (wanted and tag_id != wanted) or sum(counts) < least:
                continue
            found += 1
            shown = dict(zip(_WAYS, counts, strict=True))
            for way, count in shown.items():
                whole[way] += count
            if len(rows) < limit:
                label = _full_name(corp, tag_id) if tag_id in corp["tags"] else None
                rows.append(
                    {"userid": name, "external_userid": external, "tag_id": tag_id, "name": label, **shown}
                )
    return {"changes": rows, "found": found, "in_all": whole}


def fans(sandbox: Sandbox, asked: Doc) -> Doc:
    """Followers of an Official Account, past ones too, with the account's own tags."""
    account = sandbox.world.need_account(asked.get("appid"), "official_account")
    limit = min(int(asked.get("limit") or 1000), MOST)
    table = sandbox.world.data["fans"][account["appid"]]
    if asked.get("cursor"):
        rows, start = sandbox.snapshots.find("fans", asked["cursor"])
    else:
        rows, start = list(table), 0
    names = sandbox.world.data["oa_tags"][account["appid"]]
    page = [
        {
            "openid": openid,
            "person": table[openid]["person"],
            "subscribe": table[openid]["subscribe"],
            "tags": [
                names.get(str(number), {"name": str(number)})["name"] for number in table[openid]["tags"]
            ],
            "remark": table[openid]["remark"],
        }
        for openid in rows[start : start + limit]
        if openid in table
    ]
    return {"total": len(rows), "fans": page, "next": sandbox.snapshots.keep("fans", rows, start + limit)}


def person_found(sandbox: Sandbox, asked: Doc) -> Doc:
    """Who is behind an openid, an external_userid or a unionid."""
    world, wanted = sandbox.world, str(asked.get("id") or "")
    owner = world.owner_of_openid(wanted)
    if owner:
        return world.person_shown(world.data["people"][owner[0]])
    for corpid in world.data["corps"]:
        person = world.person_of_external(corpid, wanted)
        if person:
            return world.person_shown(world.data["people"][person])
    if wanted in world.data["people"]:
        return world.person_shown(world.data["people"][wanted])
    bound = {a["open_platform"] for a in world.data["accounts"].values() if a.get("open_platform")}
    for person in world.data["people"]:
        if any(ids.unionid(person, name) == wanted for name in bound):
            return world.person_shown(world.data["people"][person])
    raise ActError(f"nobody has the id {wanted}")


def load(sandbox: Sandbox) -> Doc:
    """Calls an interface with their outcomes, and the most there were at one time."""
    calls: Any = sandbox.calls
    return {"calls": calls.counts.shown(), "max_parallel": calls.peaks.shown()}
