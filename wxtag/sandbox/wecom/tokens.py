"""gettoken, address lists and the tickets of the JS-SDK."""

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, check_address, wecom_api
from wxtag.sandbox.world import Doc

LIFETIME = 7200


@wecom_api("gettoken", "GET", {"access_token": "", "expires_in": 0}, token=False)
def gettoken(call: Call) -> Doc:
    world = call.sandbox.world
    corpid, secret = call.args.get("corpid", ""), call.args.get("corpsecret", "")
    if not secret:
        raise ApiError(41004)
    if not corpid:
        raise ApiError(41002)
    apps = world.apps_of(corpid.lower()) or world.apps_of(corpid)
    if not apps:
        raise ApiError(40013)
    app = next((a for a in apps if a["secret"] == secret), None)
    if app is None:
        others = [a for a in world.data["accounts"].values() if a["kind"] == "wecom"]
        raise ApiError(40091 if any(a["secret"] == secret for a in others) else 40001)
    call.account = app
    if not app["enabled"]:
        raise ApiError(50003)
    check_address(call)
    tokens, now = world.data["tokens"], world.now()
    if world.switches["wecom.gettoken_same_token"]:
        for token, known in tokens.items():
            if known["account"] == app["id"] and known["expires"] > now:
                return {**OK, "access_token": token, "expires_in": LIFETIME}
    for token in [t for t, known in tokens.items() if known["expires"] < now - 86_400]:
        del tokens[token]
    token = ids.new_text(64) + ids.new_text(64)
    tokens[token] = {"account": app["id"], "platform": "wecom", "expires": now + LIFETIME}
    world.changed()
    return {**OK, "access_token": token, "expires_in": LIFETIME}


@wecom_api("getcallbackip", "GET", {"ip_list": []})
def getcallbackip(call: Call) -> Doc:
    return {"ip_list": ["127.0.0.1", "10.1.4.*"], **OK}


@wecom_api("get_api_domain_ip", "GET", {"ip_list": []})
def get_api_domain_ip(call: Call) -> Doc:
    return {"ip_list": ["127.0.0.1", "10.1.5.*"], **OK}


def _ticket(call: Call, kind: str, owner: str) -> Doc:
    world = call.sandbox.world
    tickets, key, now = world.data["tickets"], f"{kind}|{owner}", world.now()
    if key not in tickets or tickets[key]["expires"] <= now:
        tickets[key] = {"ticket": ids.new_text(60), "expires": now + LIFETIME}
        world.changed()
    return {**OK, "ticket": tickets[key]["ticket"], "expires_in": tickets[key]["expires"] - now}


@wecom_api("get_jsapi_ticket", "GET", {"ticket": "", "expires_in": 0})
def get_jsapi_ticket(call: Call) -> Doc:
    return _ticket(call, "corp", call.account["corpid"])


@wecom_api("ticket/get", "GET", {"ticket": "", "expires_in": 0})
def ticket_get(call: Call) -> Doc:
    if call.args.get("type") != "agent_config":
        raise ApiError(40035)
    return _ticket(call, "agent", call.account["id"])
