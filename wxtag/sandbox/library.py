"""The corp's tag library: groups, tags, their order, who made them; used by the interface and the console."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.world import Doc, World


def by_order(items: list[Doc]) -> list[Doc]:
    """Larger order first, the older one first among equals."""
    return sorted(items, key=lambda item: (-item["order"], item["number"]))


def live_groups(corp: Doc, strategy: int | None = None) -> list[Doc]:
    """The corp's groups, or those of one rule group."""
    groups = corp["groups"].values()
    return by_order([g for g in groups if not g["deleted"] and g.get("strategy") == strategy])


def tags_of(corp: Doc, group_id: str, deleted: bool = False) -> list[Doc]:
    found = [t for t in corp["tags"].values() if t["group_id"] == group_id and (deleted or not t["deleted"])]
    return by_order(found)


def group_named(corp: Doc, name: str, strategy: int | None = None) -> Doc | None:
    return next((g for g in live_groups(corp, strategy) if g["name"] == name), None)


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
    strategy: int | None = None,
) -> tuple[Doc, bool, list[Doc]]:
    """Adds names to a group (made when needed); gives the group, whether it is new, and the new tags."""
    corp = world.data["corps"][corpid]
    now = world.now()
    group = corp["groups"].get(group_id) if group_id else group_named(corp, group_name, strategy)
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
            "strategy": strategy,
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
            "id": ids.tag_id(corpid, number, strategy is not None),
            "name": name,
            "order": tag_order,
            "create_time": now,
            "deleted": False,
            "creator": creator,
            "number": number,
            "group_id": group["id"],
            "strategy": group.get("strategy"),
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
