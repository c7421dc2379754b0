"""The corp's tag library: groups, tags, their order, who made them; used by the interface and the console."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.world import Doc, World


def by_order(items: list[Doc]) -> list[Doc]:
    """Larger order first, the older one first among equals."""
    return sorted(items, key=lambda item: (-item["order"], item["number"]))


def live_groups(corp: Doc) -> list[Doc]:
    return by_order([group for group in corp["groups"].values() if not group["deleted"]])


def tags_of(corp: Doc, group_id: str, deleted: bool = False) -> list[Doc]:
    found = [t for t in corp["tags"].values() if t["group_id"] == group_id and (deleted or not t["deleted"])]
    return by_order(found)


def group_named(corp: Doc, name: str) -> Doc | None:
    return next((g for g in live_groups(corp) if g["name"] == name), None)


def live_tag(corp: Doc, tag_id: Any) -> Doc | None:
    tag: Doc | None = corp["tags"].get(tag_id) if isinstance(tag_id, str) else None
    return tag if tag and not tag["deleted"] else None


def create_tags(
    world: World,
    corpid: str,
    creator: Any,
    group_name: str,
    wanted: list[tuple[str, int]],
    order: int = 0,
    group_id: str | None = None,
) -> tuple[Doc, bool, list[Doc]]:
    """Adds names to a group (made when needed); gives the group, whether it is new, and the new tags."""
    corp = world.data["corps"][corpid]
    now = world.now()
    group = corp["groups"].get(group_id) if group_id else group_named(corp, group_name)
    fresh = group is None
    if group is None:
        number = world.number()
        group = {
            "id": ids.tag_id(corpid, number),
            "name": group_name,
            "order": order,
            "create_time": now,
            "deleted": False,
            "creator": creator,
            "number": number,
        }
        corp["groups"][group["id"]] = group
    present = {tag["name"] for tag in tags_of(corp, group["id"])}
    made = []
    for name, tag_order in wanted:
        if name in present:
            continue
        present.add(name)
        number = world.number()
        tag = {
            "id": ids.tag_id(corpid, number),
            "name": name,
            "order": tag_order,
            "create_time": now,
            "deleted": False,
            "creator": creator,
            "number": number,
            "group_id": group["id"],
        }
        corp["tags"][tag["id"]] = tag
        made.append(tag)
    world.changed()
    return group, fresh, made


def delete_tag(world: World, corp: Doc, tag: Doc) -> Doc | None:
    """Deletes one tag; gives its group when that vanished with it."""
    tag["deleted"] = True
    world.changed()
    group: Doc = corp["groups"][tag["group_id"]]
    if tags_of(corp, group["id"]) or group["deleted"]:
        return None
    group["deleted"] = True
    return group


def delete_group(world: World, corp: Doc, group: Doc) -> None:
    group["deleted"] = True
    for tag in tags_of(corp, group["id"]):
        tag["deleted"] = True
    world.changed()


def library_shown(corp: Doc) -> list[Doc]:
    return [
        {
            **{key: group[key] for key in ("id", "name", "order", "creator", "create_time")},
            "tags": [
                {key: tag[key] for key in ("id", "name", "order", "creator", "create_time")}
                for tag in tags_of(corp, group["id"])
            ],
        }
        for group in live_groups(corp)
    ]
