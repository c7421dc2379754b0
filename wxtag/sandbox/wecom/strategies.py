"""Rule groups of customer contact and their own tags; an app sees what it made."""

from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.library import add_tags, delete_tags, edit_tags, library_page
from wxtag.sandbox.wecom.scope import corp_of, cursor_in, cursor_out, member
from wxtag.sandbox.world import Doc

_KEPT = ("strategy_name", "parent_id", "admin_list", "privilege")


def _own(call: Call, number: object) -> Doc:
    found: Doc | None = corp_of(call)["strategies"].get(str(number))
    if found is None or found["creator"] != call.account["agentid"]:
        raise ApiError(40058, "invalid strategy_id")
    return found


def _users(call: Call, rows: object) -> list[str]:
    """The members of a range of members (type 1) and departments (type 2)."""
    found: list[str] = []
    for row in rows if isinstance(rows, list) else []:
        if row.get("type") == 1:
            found.append(member(call, row.get("userid"))["userid"])
        else:
            staff = corp_of(call)["staff"].values()
            found += [s["userid"] for s in staff if s["department"] == row.get("partyid")]
    return list(dict.fromkeys(found))


@wecom_api("externalcontact/customer_strategy/list", "POST", {"strategy": []})
def strategy_list(call: Call) -> Doc:
    limit = call.body.get("limit") or 1000
    if not isinstance(limit, int) or not 1 <= limit <= 1000:
        raise ApiError(40058)
    own = [s for s in corp_of(call)["strategies"].values() if s["creator"] == call.account["agentid"]]
    start = cursor_in("strategies", call.body.get("cursor"))
    rows = [{"strategy_id": s["strategy_id"]} for s in own[start : start + limit]]
    cursor = cursor_out("strategies", start + limit) if start + limit < len(own) else ""
    return {**OK, "strategy": rows, "next_cursor": cursor}


@wecom_api("externalcontact/customer_strategy/get", "POST", {"strategy": {}})
def strategy_get(call: Call) -> Doc:
    found = _own(call, call.body.get("strategy_id"))
    shown = {key: found[key] for key in ("strategy_id", "create_time", *_KEPT) if key in found}
    return {**OK, "strategy": shown}


@wecom_api("externalcontact/customer_strategy/get_range", "POST", {"range": []})
def strategy_range(call: Call) -> Doc:
    found = _own(call, call.body.get("strategy_id"))
    rows = [{"type": 1, "userid": userid} for userid in found["users"]]
    return {**OK, "range": rows, "next_cursor": ""}


@wecom_api("externalcontact/customer_strategy/create", "POST", {"strategy_id": 0})
def strategy_create(call: Call) -> Doc:
    if not call.body.get("strategy_name") or not call.body.get("admin_list"):
        raise ApiError(40058)
    world, table = call.sandbox.world, corp_of(call)["strategies"]
    number = 1 + max((int(key) for key in table), default=0)
    made = {key: call.body[key] for key in _KEPT if key in call.body}
    made.update({"strategy_id": number, "create_time": world.now(), "creator": call.account["agentid"]})
    table[str(number)] = {**made, "users": _users(call, call.body.get("range"))}
    world.changed()
    return {**OK, "strategy_id": number}


@wecom_api("externalcontact/customer_strategy/edit")
def strategy_edit(call: Call) -> Doc:
    found = _own(call, call.body.get("strategy_id"))
    found.update({key: call.body[key] for key in _KEPT if key in call.body})
    gone = set(_users(call, call.body.get("range_del")))
    more = _users(call, call.body.get("range_add"))
    found["users"] = [u for u in dict.fromkeys([*found["users"], *more]) if u not in gone]
    call.sandbox.world.changed()
    return dict(OK)


@wecom_api("externalcontact/customer_strategy/del")
def strategy_del(call: Call) -> Doc:
    found = _own(call, call.body.get("strategy_id"))
    corp = corp_of(call)
    for item in [*corp["groups"].values(), *corp["tags"].values()]:
        if item.get("strategy") == found["strategy_id"]:
            item["deleted"] = True
    del corp["strategies"][str(found["strategy_id"])]
    call.sandbox.world.changed()
    return dict(OK)


@wecom_api("externalcontact/get_strategy_tag_list", "POST", {"tag_group": []})
def strategy_tag_list(call: Call) -> Doc:
    numbers = [
        s["strategy_id"]
        for s in corp_of(call)["strategies"].values()
        if s["creator"] == call.account["agentid"]
        if call.body.get("strategy_id") in (None, 0, s["strategy_id"])
    ]
    groups = []
    for number in numbers:
        for group in library_page(call, number)["tag_group"]:
            group.pop("deleted", None)
            for tag in group["tag"]:
                tag.pop("deleted", None)
            groups.append({**group, "strategy_id": number})
    return {**OK, "tag_group": groups}


@wecom_api("externalcontact/add_strategy_tag", "POST", {"tag_group": {}})
def add_strategy_tag(call: Call) -> Doc:
    found = _own(call, call.body.get("strategy_id"))
    if found.get("parent_id"):
        raise ApiError(40058, "only rule groups of the first level have tags")
    result = add_tags(call, int(found["strategy_id"]))
    result["tag_group"]["strategy_id"] = found["strategy_id"]
    return result


@wecom_api("externalcontact/edit_strategy_tag")
def edit_strategy_tag(call: Call) -> Doc:
    return edit_tags(call, True)


@wecom_api("externalcontact/del_strategy_tag")
def del_strategy_tag(call: Call) -> Doc:
    return delete_tags(call, True)
