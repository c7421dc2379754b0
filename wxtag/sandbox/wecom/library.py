"""The corp tag library's interfaces; an app edits only what it created."""

from typing import Any

from wxtag.sandbox import library
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of
from wxtag.sandbox.world import Doc

_MOST_ORDER = 2**32
_LONGEST_NAME = 30


def _tag_shown(tag: Doc, with_flag: bool) -> Doc:
    shown = {key: tag[key] for key in ("id", "name", "create_time", "order")}
    return {**shown, "deleted": tag["deleted"]} if with_flag else shown


def _group_shown(group: Doc, tags: list[Doc], group_flag: bool, tag_flag: bool) -> Doc:
    shown: Doc = {
        "group_id": group["id"],
        "group_name": group["name"],
        "create_time": group["create_time"],
        "order": group["order"],
    }
    if group_flag:
        shown["deleted"] = group["deleted"]
    shown["tag"] = [_tag_shown(tag, tag_flag) for tag in tags]
    return shown


def _in(table: Doc, key: str, strategy: int | None) -> bool:
    return key in table and table[key].get("strategy") == strategy


@wecom_api("externalcontact/get_corp_tag_list", "POST", {"tag_group": []})
def get_corp_tag_list(call: Call) -> Doc:
    return library_page(call, None)


def library_page(call: Call, strategy: int | None) -> Doc:
    corp = corp_of(call)
    tag_ids, group_ids = call.listed("tag_id", 40058), call.listed("group_id", 40058)
    if group_ids:
        known = [
            corp["groups"][key] for key in dict.fromkeys(group_ids) if _in(corp["groups"], key, strategy)
        ]
        groups = library.by_order(known)
        return {
            **OK,
            "tag_group": [_group_shown(g, library.tags_of(corp, g["id"], True), False, True) for g in groups],
        }
    if tag_ids:
        asked = [corp["tags"][t] for t in dict.fromkeys(tag_ids) if _in(corp["tags"], t, strategy)]
        groups = library.by_order([corp["groups"][g] for g in {tag["group_id"] for tag in asked}])
        return {
            **OK,
            "tag_group": [
                _group_shown(g, library.by_order([t for t in asked if t["group_id"] == g["id"]]), True, True)
                for g in groups
            ],
        }
    return {
        **OK,
        "tag_group": [
            _group_shown(g, library.tags_of(corp, g["id"]), False, False)
            for g in library.live_groups(corp, strategy)
        ],
    }


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > _LONGEST_NAME:
        raise ApiError(40072)
    return value


def _order(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST_ORDER:
        raise ApiError(40058)
    return value


@wecom_api("externalcontact/add_corp_tag", "POST", {"tag_group": {}})
def add_corp_tag(call: Call) -> Doc:
    return add_tags(call, None)


def add_tags(call: Call, strategy: int | None) -> Doc:
    corp, body, world = corp_of(call), call.body, call.sandbox.world
    for key in ("group_id", "group_name"):
        if body.get(key) == "":
            raise ApiError(40058, f"field `{key}` unexpected empty string. invalid Request Parameter")
    rows = body.get("tag")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ApiError(40058)
    wanted = {_name(row.get("name")): _order(row.get("order")) for row in reversed(rows)}
    wanted = dict(reversed(wanted.items()))
    group_id, group_name = body.get("group_id"), ""
    if group_id is not None:
        group = corp["groups"].get(group_id)
        if group is None or group["deleted"] or group.get("strategy") != strategy:
            raise ApiError(40068, f"invalid tagid: {group_id}")
    else:
        group_name = _name(body.get("group_name"))
        group = library.group_named(corp, group_name, strategy)
    present = {tag["name"]: tag for tag in library.tags_of(corp, group["id"])} if group else {}
    repeated = [name for name in wanted if name in present]
    duplicate = world.switches["wecom.duplicate_tag_code"]
    if repeated and duplicate != "reuse":
        raise ApiError(int(duplicate))
    live = sum(1 for tag in corp["tags"].values() if not tag["deleted"])
    if live + len(wanted) - len(repeated) > int(world.switches["wecom.library_limit"]):
        raise ApiError(40126)
    corpid, agent = call.account["corpid"], call.account["agentid"]
    order = _order(body.get("order"))
    group, _, made = library.create_tags(
        world, corpid, agent, group_name, list(wanted.items()), order, group_id, strategy
    )
    shown = [present[name] for name in repeated] + made
    return {**OK, "tag_group": _group_shown(group, shown, False, False)}


def _own(call: Call, item: Doc) -> None:
    # The customer-contact secret of old may do everything.
    if call.account["role"] != "customer_contact" and item["creator"] != call.account["agentid"]:
        raise ApiError(int(call.sandbox.world.switches["wecom.foreign_tag_edit_code"]))


def _live(call: Call, key: Any, ruled: bool) -> tuple[str, Doc]:
    corp = corp_of(call)
    for kind in ("tags", "groups"):
        found = corp[kind].get(key) if isinstance(key, str) else None
        if found is not None and not found["deleted"] and ruled == (found.get("strategy") is not None):
            return kind, found
    raise ApiError(40068, f"invalid tagid: {key}")


@wecom_api("externalcontact/edit_corp_tag")
def edit_corp_tag(call: Call) -> Doc:
    return edit_tags(call, False)


def edit_tags(call: Call, ruled: bool) -> Doc:
    corp, body = corp_of(call), call.body
    if not body.get("id"):
        raise ApiError(40068)
    kind, item = _live(call, body["id"], ruled)
    _own(call, item)
    changes: Doc = {}
    if "name" in body:
        changes["name"] = _name(body["name"])
        groups = library.live_groups(corp, item.get("strategy"))
        rivals = groups if kind == "groups" else library.tags_of(corp, item["group_id"])
        if any(other["name"] == changes["name"] and other is not item for other in rivals):
            raise ApiError(40071)
    if "order" in body:
        changes["order"] = _order(body["order"])
    item.update(changes)
    call.sandbox.world.changed()
    return dict(OK)


@wecom_api("externalcontact/del_corp_tag")
def del_corp_tag(call: Call) -> Doc:
    return delete_tags(call, False)


def delete_tags(call: Call, ruled: bool) -> Doc:
    corp, world = corp_of(call), call.sandbox.world
    tag_ids, group_ids = call.listed("tag_id", 40058), call.listed("group_id", 40058)
    if not tag_ids and not group_ids:
        raise ApiError(40058)
    # All are checked before the first one goes.
    found = [_live(call, key, ruled) for key in dict.fromkeys([*tag_ids, *group_ids])]
    for _, item in found:
        _own(call, item)
    for kind, item in found:
        if kind == "groups":
            library.delete_group(world, corp, item)
        else:
            library.delete_tag(world, corp, item)
    return dict(OK)
