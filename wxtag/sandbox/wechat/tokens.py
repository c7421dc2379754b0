"""token and stable_token: two stores of tokens, each with its own rules of replacement."""

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wechat.gate import OFFICIAL, OK, check_address, count, day, wechat_api
from wxtag.sandbox.world import Doc, World

LIFETIME, OVERLAP = 7200, 300
FORCED_A_DAY, FORCED_PAUSE = 20, 30


def _new(world: World, account: Doc, store: str) -> Doc:
    tokens, now = world.data["tokens"], world.now()
    for token in [t for t, known in tokens.items() if known["expires"] < now - 86_400]:
        del tokens[token]
    token = f"{60 + len(tokens) % 40}_{ids.new_text(90)}"
    tokens[token] = {
        "account": account["id"],
        "platform": "wechat",
        "store": store,
        "expires": now + LIFETIME,
        "void_at": None,
        "token": token,
    }
    world.changed()
    return dict(tokens[token])


def _current(world: World, account: Doc, store: str) -> Doc | None:
    """The latest token of a store that still works."""
    now = world.now()
    found = [
        known
        for known in world.data["tokens"].values()
        if known["account"] == account["id"] and known.get("store") == store and known["void_at"] is None
    ]
    live: list[Doc] = [known for known in found if known["expires"] > now]
    return live[-1] if live else None


def owner(call: Call, appid: str, secret: str) -> Doc:
    """The account with this secret; each missing or wrong part has its code."""
    if not appid:
        raise ApiError(41002)
    if not secret:
        raise ApiError(41004)
    account = call.sandbox.world.account(appid)
    if account is None or account["kind"] == "wecom":
        raise ApiError(40013)
    call.account = account
    if account["secret"] != secret:
        raise ApiError(40125)
    if not account["enabled"]:
        raise ApiError(50007)
    return account


@wechat_api("token", "GET", token=False)
def token_call(call: Call) -> Doc:
    if call.args.get("grant_type") != "client_credential":
        raise ApiError(40002)
    world = call.sandbox.world
    account = owner(call, call.args.get("appid", ""), call.args.get("secret", ""))
    check_address(call)
    count(call, account["appid"], int(world.switches["wechat.minute_limit"]))
    old = _current(world, account, "plain")
    if old is not None:
        # Old and new work side by side for five minutes.
        world.data["tokens"][old["token"]]["void_at"] = world.now() + OVERLAP
    fresh = _new(world, account, "plain")
    return {"access_token": fresh["token"], "expires_in": LIFETIME}


@wechat_api("stable_token", "POST", token=False)
def stable_token(call: Call) -> Doc:
    body, world = call.body, call.sandbox.world
    if body.get("grant_type") != "client_credential":
        raise ApiError(40002)
    account = owner(call, str(body.get("appid") or ""), str(body.get("secret") or ""))
    check_address(call)
    count(call, account["appid"], int(world.switches["wechat.stable_token_minute_limit"]))
    now, current = world.now(), _current(world, account, "stable")
    if body.get("force_refresh") is True and _may_force(call, account["appid"]):
        for known in world.data["tokens"].values():
            if known["account"] == account["id"] and known.get("store") == "stable":
                known["void_at"] = min(now, known["void_at"] or now)
        current = None
    if current is not None and current["expires"] - now > OVERLAP:
        return {"access_token": current["token"], "expires_in": current["expires"] - now}
    # In the last five minutes a call gives a new token; the old one lives its time out.
    fresh = _new(world, account, "stable")
    return {"access_token": fresh["token"], "expires_in": LIFETIME}


def _may_force(call: Call, appid: str) -> bool:
    """At most 20 a day and 30 s apart; otherwise nothing is refreshed."""
    world = call.sandbox.world
    counters, now = world.data["counters"], world.now()
    last, used = f"{appid}|forced_at", f"{appid}|forced|{day(call)}"
    if counters.get(last, 0) + FORCED_PAUSE > now:
        return False
    if counters.get(used, 0) >= FORCED_A_DAY:
        raise ApiError(45009)
    counters[last], counters[used] = now, counters.get(used, 0) + 1
    return True


@wechat_api("ticket/getticket", "GET", kinds=OFFICIAL)
def getticket(call: Call) -> Doc:
    kind = call.args.get("type") or "jsapi"
    if kind not in ("jsapi", "wx_card"):
        raise ApiError(40097)
    world = call.sandbox.world
    tickets, key, now = world.data["tickets"], f"{kind}|{call.account['appid']}", world.now()
    if key not in tickets or tickets[key]["expires"] <= now:
        tickets[key] = {"ticket": ids.new_text(60), "expires": now + LIFETIME}
        world.changed()
    return {**OK, "ticket": tickets[key]["ticket"], "expires_in": tickets[key]["expires"] - now}
