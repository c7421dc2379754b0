"""The Official Account's own tags and who has them."""

from typing import Any

from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wechat.fans import page
from wxtag.sandbox.wechat.gate import OFFICIAL, OK, fans_of, person_of, wechat_api
from wxtag.sandbox.world import Doc

MOST_TAGS, MOST_PER_FAN, MOST_PER_CALL, MOST_NAME_BYTES = 100, 20, 50, 30
MOST_FANS_OF_A_TAG_THAT_GOES = 100_000
_STARRED, _FIRST_ID = 2, 100
_RESERVED = (0, 1, _STARRED)


def _tags(call: Call) -> Doc:
    tags: Doc = call.sandbox.world.data["oa_tags"][call.account["appid"]]
    return tags


def _wanted(call: Call) -> Doc:
    tag = call.body.get("tag")
    if not isinstance(tag, dict):
        raise ApiError(47001)
    return tag


def _name(call: Call, value: Any, own: str = "") -> str:
    if not isinstance(value, str) or not value:
        raise ApiError(45157)
    if len(value.encode()) > MOST_NAME_BYTES:
        raise ApiError(45158)
    if any(tag["name"] == value and key != own for key, tag in _tags(call).items()):
        raise ApiError(45157)
    return value


def _own_tag(call: Call, value: Any) -> str:
    """The key of a tag that may be changed."""
    if value in _RESERVED:
        raise ApiError(45058)
    return _known(call, value)


def _known(call: Call, value: Any) -> str:
    known = str(value) in _tags(call) or value == _STARRED
    if isinstance(value, bool) or not isinstance(value, int) or not known:
        raise ApiError(45159)
    return str(value)


@wechat_api("tags/create", kinds=OFFICIAL)
def create(call: Call) -> Doc:
    tags = _tags(call)
    name = _name(call, _wanted(call).get("name"))
    if len(tags) >= MOST_TAGS:
        raise ApiError(45056)
    world = call.sandbox.world
    counter = f"{call.account['appid']}|last_tag"
    number = world.data["counters"].get(counter, _FIRST_ID - 1) + 1
    world.data["counters"][counter] = number
    tags[str(number)] = {"id": number, "name": name}
    world.changed()
    return {"tag": {"id": number, "name": name}}


@wechat_api("tags/get", "GET", kinds=OFFICIAL)
def get(call: Call) -> Doc:
    counts: dict[int, int] = {}
    for fan in fans_of(call).values():
        for number in fan["tags"] if fan["subscribe"] else []:
            counts[number] = counts.get(number, 0) + 1
    rows = [{"id": _STARRED, "name": "星标组"}, *_tags(call).values()]
    return {"tags": [{**row, "count": counts.get(row["id"], 0)} for row in rows]}


@wechat_api("tags/update", kinds=OFFICIAL)
def update(call: Call) -> Doc:
    wanted = _wanted(call)
    key = _own_tag(call, wanted.get("id"))
    _tags(call)[key]["name"] = _name(call, wanted.get("name"), key)
    call.sandbox.world.changed()
    return dict(OK)


@wechat_api("tags/delete", kinds=OFFICIAL)
def delete(call: Call) -> Doc:
    key = _own_tag(call, _wanted(call).get("id"))
    number = int(key)
    tagged = [openid for openid, fan in fans_of(call).items() if number in fan["tags"]]
    if sum(1 for openid in tagged if fans_of(call)[openid]["subscribe"]) > MOST_FANS_OF_A_TAG_THAT_GOES:
        raise ApiError(45057)
    del _tags(call)[key]
    for openid in tagged:
        fan = fans_of(call)[openid]
        fan["tags"] = [other for other in fan["tags"] if other != number]
        call.sandbox.world.touch_fan(call.account["appid"], openid)
    return dict(OK)


@wechat_api("user/tag/get", kinds=OFFICIAL)
def members(call: Call) -> Doc:
    number = int(_known(call, call.body.get("tagid")))

    def tagged() -> list[str]:
        return [key for key, fan in fans_of(call).items() if fan["subscribe"] and number in fan["tags"]]

    return page(call, str(call.body.get("next_openid") or ""), f"tag{number}", tagged, False)


def _batch(call: Call) -> tuple[int, dict[str, Doc]]:
    openids = call.body.get("openid_list")
    if not isinstance(openids, list) or not 1 <= len(openids) <= MOST_PER_CALL:
        raise ApiError(40032)
    number = int(_known(call, call.body.get("tagid")))
    fans: dict[str, Doc] = {}
    for openid in dict.fromkeys(openids):
        person_of(call, openid, 49003)
        fan = fans_of(call).get(openid)
        if fan is None or not fan["subscribe"]:
            raise ApiError(40003)
        fans[openid] = fan
    return number, fans


@wechat_api("tags/members/batchtagging", kinds=OFFICIAL)
def batchtagging(call: Call) -> Doc:
    number, fans = _batch(call)
    if any(number not in fan["tags"] and len(fan["tags"]) >= MOST_PER_FAN for fan in fans.values()):
        raise ApiError(45059)
    for openid, fan in fans.items():
        if number not in fan["tags"]:
            fan["tags"] = [*fan["tags"], number]
            call.sandbox.world.touch_fan(call.account["appid"], openid)
    return dict(OK)


@wechat_api("tags/members/batchuntagging", kinds=OFFICIAL)
def batchuntagging(call: Call) -> Doc:
    number, fans = _batch(call)
    for openid, fan in fans.items():
        fan["tags"] = [other for other in fan["tags"] if other != number]
        call.sandbox.world.touch_fan(call.account["appid"], openid)
    return dict(OK)


@wechat_api("tags/getidlist", kinds=OFFICIAL)
def getidlist(call: Call) -> Doc:
    openid = call.body.get("openid")
    person_of(call, openid, 49003)
    fan = fans_of(call).get(str(openid))
    return {"tagid_list": fan["tags"] if fan and fan["subscribe"] else []}
