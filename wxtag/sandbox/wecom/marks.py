"""mark_tag: an atomic change of the corp tags between one member and one customer."""

from wxtag.sandbox import library
from wxtag.sandbox.edge import mark_by
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, edge_of, external, member
from wxtag.sandbox.world import Doc

MOST = 3000


def _usable(call: Call, corp: Doc, key: str) -> bool:
    """A tag of the library, or one of a rule group that this app made with the member in it."""
    tag = library.live_tag(corp, key)
    if tag is None or tag.get("strategy") is None:
        return tag is not None
    rules = corp["strategies"].get(str(tag["strategy"]), {"creator": None, "users": []})
    inside = {str(userid).lower() for userid in rules["users"]}
    return bool(rules["creator"] == call.account["agentid"] and str(call.body["userid"]).lower() in inside)


@wecom_api("externalcontact/mark_tag")
def mark_tag(call: Call) -> Doc:
    switches, corp, body = call.sandbox.world.switches, corp_of(call), call.body
    member(call, body.get("userid"))
    external(call, body.get("external_userid"))
    add, remove = call.listed("add_tag", 40058), call.listed("remove_tag", 40058)
    if not add and not remove:
        raise ApiError(int(switches["wecom.mark_both_empty_code"]))
    edge = edge_of(call, body["userid"], body["external_userid"])
    bad = [key for key in dict.fromkeys([*add, *remove]) if not _usable(call, corp, key)]
    if bad:
        named = ",".join(bad) if switches["wecom.bad_tags_listed"] == "all" else bad[0]
        raise ApiError(40068, f"invalid tagid: {named}")
    tags: Doc = edge["tags"]
    present = int(switches["wecom.mark_present_code"])
    if present and (any(key in tags for key in add) or any(key not in tags for key in remove)):
        raise ApiError(present)
    after = {key: by for key, by in tags.items() if key not in remove}
    for key in add:
        after.setdefault(key, mark_by("app", call.account["agentid"]))
    if len(after) > MOST:
        raise ApiError(40058)
    edge["tags"] = after
    put, taken = after.keys() - tags.keys(), tags.keys() - after.keys()
    if put or taken:
        corpid = call.account["corpid"]
        call.sandbox.world.touch_edge(corpid, body["userid"], body["external_userid"], put, taken)
    return dict(OK)
