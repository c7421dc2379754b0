"""Quotas, address lists and the check of the callback's network."""

import urllib.parse

from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wechat.gate import OK, day, wechat_api
from wxtag.sandbox.wechat.tokens import owner
from wxtag.sandbox.world import Doc

_MONTH = 30
_SINGLE_A_MONTH = 50


def _clear(call: Call, account: Doc) -> Doc:
    world = call.sandbox.world
    counters, appid, today = world.data["counters"], account["appid"], day(call)
    key = f"{appid}|cleared|{today // _MONTH}"
    if counters.get(key, 0) >= int(world.switches["wechat.clear_quota_per_month"]):
        raise ApiError(48006)
    counters[key] = counters.get(key, 0) + 1
    for name in [n for n in counters if n.startswith(f"{appid}|") and n.endswith(f"|{today}")]:
        if "|cleared" not in name and "|forced|" not in name:
            del counters[name]
    world.changed()
    return dict(OK)


@wechat_api("clear_quota")
def clear_quota(call: Call) -> Doc:
    if call.body.get("appid") != call.account["appid"]:
        raise ApiError(40013)
    return _clear(call, call.account)


@wechat_api("clear_quota/v2", token=False)
def clear_quota_v2(call: Call) -> Doc:
    # The page lists the values as body, its sample has them in the query.
    return _clear(call, owner(call, call.text("appid"), call.text("appsecret")))


@wechat_api("openapi/quota/get")
def quota_get(call: Call) -> Doc:
    path = str(call.body.get("cgi_path") or "")
    if not path.startswith("/"):
        raise ApiError(76003)
    if path.startswith("/sns/"):
        raise ApiError(76022)
    name = path[1:].removeprefix("cgi-bin/")
    api = wechat_api.apis.get(name)
    if api is None:
        raise ApiError(76021)
    if api.kinds and call.account["kind"] not in api.kinds:
        raise ApiError(76022)
    world = call.sandbox.world
    limit = world.switches.quota(name)
    used = world.data["counters"].get(f"{call.account['appid']}|{name}|{day(call)}", 0)
    rate = {"call_count": int(world.switches["wechat.minute_limit"]), "refresh_second": 60}
    quota = {"daily_limit": limit, "used": used, "remain": max(0, limit - used)}
    return {**OK, "quota": quota, "rate_limit": rate}


@wechat_api("openapi/quota/clear")
def quota_clear(call: Call) -> Doc:
    """One interface's counter of today; 50 times a month."""
    path = str(call.body.get("cgi_path") or "")
    if not path.startswith("/"):
        raise ApiError(76003)
    name = path[1:].removeprefix("cgi-bin/")
    if name not in wechat_api.apis:
        raise ApiError(76021)
    world, appid, today = call.sandbox.world, call.account["appid"], day(call)
    counters, used = world.data["counters"], f"{appid}|cleared one|{today // _MONTH}"
    if counters.get(used, 0) >= _SINGLE_A_MONTH:
        raise ApiError(48006)
    counters[used] = counters.get(used, 0) + 1
    counters.pop(f"{appid}|{name}|{today}", None)
    world.changed()
    return dict(OK)


@wechat_api("openapi/rid/get")
def rid_get(call: Call) -> Doc:
    """The failed call behind a request id."""
    rid = str(call.body.get("rid") or "")
    if len(rid.split("-")) != 3:
        raise ApiError(76002)
    known = call.sandbox.rids.get(rid)
    if known is None:
        raise ApiError(76001)
    if known["appid"] != call.account["appid"]:
        raise ApiError(76003, "rid of another account")
    if known["request"]["invoke_time"] + 7 * 86_400 < call.sandbox.world.now():
        raise ApiError(76004)
    return {**OK, "request": known["request"]}


@wechat_api("getcallbackip", "GET")
def getcallbackip(call: Call) -> Doc:
    return {"ip_list": ["127.0.0.1"]}


@wechat_api("get_api_domain_ip", "GET")
def get_api_domain_ip(call: Call) -> Doc:
    return {"ip_list": ["127.0.0.1", "198.51.100.0/25"]}


@wechat_api("callback/check")
def callback_check(call: Call) -> Doc:
    url = call.account["callback_url"]
    if call.body.get("action") not in ("dns", "ping", "all"):
        raise ApiError(40035)
    if not url:
        raise ApiError(40201)
    ip = urllib.parse.urlsplit(url).hostname or "127.0.0.1"
    shown: Doc = {}
    if call.body["action"] in ("dns", "all"):
        shown["dns"] = [{"ip": ip, "real_operator": "UNICOM"}]
    if call.body["action"] in ("ping", "all"):
        row = {"ip": ip, "from_operator": "UNICOM", "package_loss": "0%", "time": "23.079ms"}
        shown["ping"] = [row]
    return shown
