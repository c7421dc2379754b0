"""The administrator's work on the tag library in the admin console, with its change_external_tag events."""

from wxtag.sandbox import library
from wxtag.sandbox.acts.relation import event_to_apps, head
from wxtag.sandbox.acts.table import act, texts_of
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc


def _event(
    sandbox: Sandbox, corpid: str, change: str, key: str, tag_type: str | None, at: int | None = None
) -> list[int]:
    fields = head(sandbox, corpid, "change_external_tag", at)
    fields.append(("Id", key))
    corp = sandbox.world.data["corps"][corpid]
    item = corp["tags"].get(key) or corp["groups"].get(key) or {}
    if tag_type:
        fields.append(("TagType", tag_type))
    fields.append(("ChangeType", change))
    if item.get("strategy") is not None:
        # A text in the sample of shuffle, a number in the others.
        fields.append(("StrategyId", item["strategy"] if tag_type else str(item["strategy"])))
    return event_to_apps(sandbox, corpid, fields)


@act("admin_tag_create")
def create(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, _ = sandbox.world.need_corp(body.get("corpid"))
    name, names = str(body.get("group_name") or ""), texts_of(body.get("names"))
    if not name or not names or any(not n or len(n) > 30 for n in (name, *names)):
        raise ActError(TEXTS["bad_tag_names"])
    wanted = [(tag, (len(names) - place) * 10) for place, tag in enumerate(names)]
    order, rules = int(body.get("order") or 0), body.get("strategy_id")
    if rules is not None and str(rules) not in sandbox.world.data["corps"][corpid]["strategies"]:
        raise ActError(TEXTS["no_tag"].format(rules))
    group, fresh, made = library.create_tags(
        sandbox.world, corpid, "console", name, wanted, order, strategy=None if rules is None else int(rules)
    )
    # One event an object, all in the same second.
    at = sandbox.world.now()
    sent = _event(sandbox, corpid, "create", group["id"], "tag_group", at) if fresh else []
    for tag in made:
        sent += _event(sandbox, corpid, "create", tag["id"], "tag", at)
    return {"group_id": group["id"], "tag_ids": {tag["name"]: tag["id"] for tag in made}, "deliveries": sent}


def _found(sandbox: Sandbox, body: Doc) -> tuple[str, Doc, str, Doc]:
    """Corp, and the live tag or group with the id of the act, in whichever corp it is."""
    for corpid, corp in sandbox.world.data["corps"].items():
        for kind, table in (("tag", corp["tags"]), ("tag_group", corp["groups"])):
            item = table.get(body.get("id"))
            if item and not item["deleted"]:
                return corpid, corp, kind, item
    raise ActError(TEXTS["no_tag"].format(body.get("id")))


@act("admin_tag_rename")
def rename(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp, kind, item = _found(sandbox, body)
    name = str(body.get("name") or "")
    groups = library.live_groups(corp, item.get("strategy"))
    rivals = groups if kind == "tag_group" else library.tags_of(corp, item["group_id"])
    taken = any(other["name"] == name and other is not item for other in rivals)
    if not name or len(name) > 30 or taken:
        raise ActError(TEXTS["bad_tag_names"])
    item["name"] = name
    sandbox.world.changed()
    return {"deliveries": _event(sandbox, corpid, "update", item["id"], kind)}


@act("admin_tag_delete")
def delete(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp, kind, item = _found(sandbox, body)
    if kind == "tag_group":
        # The tags go with the group, without events of their own.
        library.delete_group(sandbox.world, corp, item)
        return {"deliveries": _event(sandbox, corpid, "delete", item["id"], kind)}
    emptied = library.delete_tag(sandbox.world, corp, item)
    sent = _event(sandbox, corpid, "delete", item["id"], kind)
    if emptied and sandbox.world.switches["wecom.empty_group_delete_event"]:
        sent += _event(sandbox, corpid, "delete", emptied["id"], "tag_group")
    return {"deliveries": sent}


@act("admin_tag_shuffle")
def shuffle(sandbox: Sandbox, body: Doc) -> Doc:
    """New order of the tags of a group, or without a group of the groups themselves."""
    group_id, wanted = str(body.get("group_id") or ""), texts_of(body.get("ids"))
    if group_id:
        corpid, corp, _, _ = _found(sandbox, {"id": group_id})
        items = library.tags_of(corp, group_id)
    else:
        corpid, corp = sandbox.world.need_corp(body.get("corpid"))
        items = library.live_groups(corp)
    known = {item["id"]: item for item in items}
    if not wanted or any(key not in known for key in wanted):
        raise ActError(TEXTS["bad_order"])
    rest = [item["id"] for item in items if item["id"] not in wanted]
    for place, key in enumerate(reversed([*wanted, *rest])):
        known[key]["order"] = (place + 1) * 10
    sandbox.world.changed()
    return {"deliveries": _event(sandbox, corpid, "shuffle", group_id, None)}
