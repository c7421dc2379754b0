"""The blacklist of an Official Account."""

from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wechat.fans import page
from wxtag.sandbox.wechat.gate import OFFICIAL, OK, fans_of, person_of, wechat_api
from wxtag.sandbox.world import Doc


def blocked(call: Call) -> Doc:
    """openid → time, in the order of blocking."""
    found: Doc = call.sandbox.world.data["blacklists"].setdefault(call.account["appid"], {})
    return found


def _wanted(call: Call) -> list[str]:
    listed = call.listed("openid_list", 40031)
    if not 1 <= len(listed) <= int(call.sandbox.world.switches["wechat.blacklist_max"]):
        raise ApiError(40032)
    for openid in listed:
        person_of(call, openid, 49003)
    return listed


@wechat_api("tags/members/getblacklist", kinds=OFFICIAL)
def getblacklist(call: Call) -> Doc:
    return page(call, str(call.body.get("begin_openid") or ""), "black", lambda: list(blocked(call)), True)


@wechat_api("tags/members/batchblacklist", kinds=OFFICIAL)
def batchblacklist(call: Call) -> Doc:
    listed = _wanted(call)
    if any(not fans_of(call).get(openid, {"subscribe": 0})["subscribe"] for openid in listed):
        raise ApiError(40003)
    for openid in listed:
        blocked(call)[openid] = call.sandbox.world.now()
    call.sandbox.world.changed()
    return dict(OK)


@wechat_api("tags/members/batchunblacklist", kinds=OFFICIAL)
def batchunblacklist(call: Call) -> Doc:
    for openid in _wanted(call):
        blocked(call).pop(openid, None)
    call.sandbox.world.changed()
    return dict(OK)
