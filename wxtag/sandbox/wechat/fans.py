"""Followers: one, many, the whole list, remarks, and openids after a migration."""

from collections.abc import Callable
from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wechat.gate import OFFICIAL, OK, fans_of, person_of, wechat_api
from wxtag.sandbox.world import Doc


def _user(call: Call, openid: str, person: str) -> Doc:
    world, fan = call.sandbox.world, fans_of(call).get(openid)
    unionid = world.unionid(person, call.account)
    if not fan or not fan["subscribe"]:
        return {"subscribe": 0, "openid": openid, **({"unionid": unionid} if unionid else {})}
    shown: Doc = {"subscribe": 1, "openid": openid}
    empty = world.switches["wechat.userinfo_names"] == "empty"
    if empty:
        shown.update({"nickname": "", "sex": 0})
    if world.switches["wechat.userinfo_language"]:
        shown["language"] = "zh_CN"
    if empty:
        shown.update({"city": "", "province": "", "country": "", "headimgurl": ""})
    shown["subscribe_time"] = fan["subscribe_time"]
    if unionid:
        shown["unionid"] = unionid
    shown.update(
        {
            "remark": fan["remark"],
            "groupid": fan["tags"][0] if fan["tags"] else 0,
            "tagid_list": fan["tags"],
            "subscribe_scene": fan["subscribe_scene"],
            "qr_scene": fan["qr_scene"],
            "qr_scene_str": fan["qr_scene_str"],
        }
    )
    return shown


@wechat_api("user/info", "GET", kinds=OFFICIAL)
def user_info(call: Call) -> Doc:
    openid = call.args.get("openid", "")
    return _user(call, openid, person_of(call, openid))


@wechat_api("user/info/batchget", kinds=OFFICIAL)
def batchget(call: Call) -> Doc:
    switches = call.sandbox.world.switches
    rows = call.body.get("user_list")
    if not isinstance(rows, list) or not 1 <= len(rows) <= int(switches["wechat.batchget_max"]):
        raise ApiError(int(switches["wechat.batchget_over_code"]))
    foreign = int(switches["wechat.batchget_foreign_code"])
    found = []
    for row in rows:
        openid = row.get("openid") if isinstance(row, dict) else None
        person = call.sandbox.world.person_of_openid(openid, call.account["appid"])
        if person is not None:
            found.append(_user(call, str(openid), person))
        elif foreign:
            raise ApiError(foreign)
    return {"user_info_list": found}


def page(call: Call, after: str, subject: str, everybody: Callable[[], list[str]], total: bool) -> Doc:
    """One page of openids; how the last one looks is a switch."""
    switches, snapshots = call.sandbox.world.switches, call.sandbox.snapshots
    subject = f"{call.account['appid']}|{subject}"
    known = snapshots.recall(f"{subject}|{after}") if after else None
    if known is None:
        openids = everybody()
        if after and after not in openids:
            raise ApiError(40003)
        known = (openids, openids.index(after) + 1 if after else 0)
    openids, start = known
    end = start + int(switches["wechat.user_get_page_size"])
    rows = openids[start:end]
    if rows:
        # The list goes on from here without a search through all of it.
        snapshots.remember(f"{subject}|{rows[-1]}", (openids, start + len(rows)))
    shown: Doc = {"total": len(openids)} if total else {}
    shown["count"] = len(rows)
    if rows:
        shown["data"] = {"openid": rows}
    last = end >= len(openids) and switches["wechat.user_get_end_shape"] == "empty"
    shown["next_openid"] = "" if last or not rows else rows[-1]
    return shown


@wechat_api("user/get", "GET", kinds=OFFICIAL)
def user_get(call: Call) -> Doc:
    return page(call, call.args.get("next_openid", ""), "all", lambda: followers(call), True)


def followers(call: Call) -> list[str]:
    return [key for key, fan in fans_of(call).items() if fan["subscribe"]]


@wechat_api("user/info/updateremark", kinds=OFFICIAL)
def updateremark(call: Call) -> Doc:
    openid, remark = call.body.get("openid"), call.body.get("remark")
    person_of(call, openid)
    fan = fans_of(call).get(str(openid))
    limit = int(call.sandbox.world.switches["wechat.remark_max_bytes"])
    if not isinstance(remark, str) or len(remark.encode()) >= limit:
        raise ApiError(40092)
    if fan is None or not fan["subscribe"]:
        raise ApiError(40003)
    fan["remark"] = remark
    call.sandbox.world.touch_fan(call.account["appid"], str(openid))
    return dict(OK)


@wechat_api("changeopenid", kinds=OFFICIAL)
def changeopenid(call: Call) -> Doc:
    """Called with the new account's token; only openids that still follow the old account change."""
    world, old_appid = call.sandbox.world, call.body.get("from_appid")
    listed: Any = call.body.get("openid_list")
    if old_appid not in call.account["migrated_from"] or old_appid not in world.data["fans"]:
        raise ApiError(63178)
    if not isinstance(listed, list) or not 1 <= len(listed) <= 100:
        raise ApiError(40032)
    rows = []
    for openid in listed:
        person = world.person_of_openid(openid, str(old_appid))
        fan = world.data["fans"][old_appid].get(openid)
        if person is None or fan is None or not fan["subscribe"]:
            rows.append({"ori_openid": openid, "err_msg": "ori_openid error"})
            continue
        fresh = ids.openid(person, call.account["appid"])
        rows.append({"ori_openid": openid, "new_openid": fresh, "err_msg": "ok"})
    return {**OK, "result_list": rows}
