"""Web authorisation (OAuth) and the mini-program login: interfaces without an account token."""

from wxtag.sandbox import codes, ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wechat.gate import OK, wechat_api
from wxtag.sandbox.wechat.tokens import owner
from wxtag.sandbox.world import Doc

_REFRESH_DAYS = 30 * 86_400
_LIFETIME = 7200


def take_code(call: Call, value: str, kind: str, account: Doc, used: int, foreign: int = 40029) -> Doc:
    """A code of this kind and account, not used and not too old; it is used up by this."""
    world = call.sandbox.world
    code: Doc | None = world.data["codes"].get(value)
    if code is None or code["kind"] != kind:
        raise ApiError(40029)
    if code["account"] != account["appid"]:
        raise ApiError(foreign)
    if code["used"]:
        raise ApiError(used)
    if code["at"] + float(world.switches["wechat.code_seconds"]) < world.now():
        raise ApiError(40029)
    code["used"] = True
    world.changed()
    return code


def _grant(call: Call, account: Doc, code: Doc, refresh: str | None = None) -> Doc:
    world, person, scope = call.sandbox.world, code["person"], code["scope"]
    snapshot = bool(code.get("snapshot", world.switches["wechat.snapshot_users"]))
    # A snapshot user is a virtual one: nothing of the person is in the ids.
    who = f"snapshot-{person}" if snapshot else person
    openid = ids.openid(who, account["appid"])
    token = codes.new_code(
        world, "sns_token", account["appid"], person=person, openid=openid, scope=scope, snapshot=snapshot
    )
    refresh = refresh or codes.new_code(
        world, "sns_refresh", account["appid"], person=person, scope=scope, snapshot=snapshot
    )
    shown: Doc = {
        "access_token": token,
        "expires_in": _LIFETIME,
        "refresh_token": refresh,
        "openid": openid,
        "scope": scope,
    }
    bound = account["open_platform"]
    if scope == "snsapi_userinfo" and world.unionid(person, account):
        shown["unionid"] = ids.unionid(who, bound)
    if snapshot and not world.switches["wechat.snapshot_flag_missing"]:
        shown["is_snapshotuser"] = 1
    return shown


@wechat_api("sns/oauth2/access_token", "GET", token=False)
def access_token(call: Call) -> Doc:
    account = owner(call, call.args.get("appid", ""), call.args.get("secret", ""))
    if call.args.get("grant_type") != "authorization_code":
        raise ApiError(40002)
    if not call.args.get("code"):
        raise ApiError(41008)
    code = take_code(call, call.args["code"], "oauth", account, 40163)
    return _grant(call, account, code)


@wechat_api("sns/oauth2/refresh_token", "GET", token=False)
def refresh_token(call: Call) -> Doc:
    world = call.sandbox.world
    if not call.args.get("refresh_token"):
        raise ApiError(41003)
    account = world.account(call.args.get("appid", ""))
    if account is None or account["kind"] == "wecom":
        raise ApiError(40013)
    call.account = account
    known = world.data["codes"].get(call.args["refresh_token"])
    if known is None or known["kind"] != "sns_refresh" or known["account"] != account["appid"]:
        raise ApiError(40030)
    if known["at"] + _REFRESH_DAYS < world.now():
        raise ApiError(42002)
    return _grant(call, account, known, call.args["refresh_token"])


def _user_token(call: Call) -> Doc:
    world = call.sandbox.world
    known: Doc | None = world.data["codes"].get(call.args.get("access_token", ""))
    if not call.args.get("access_token"):
        raise ApiError(41001)
    if known is None or known["kind"] != "sns_token":
        raise ApiError(40001)
    call.account = world.account(known["account"]) or {}
    if known["at"] + _LIFETIME <= world.now():
        raise ApiError(42001)
    if known["openid"] != call.args.get("openid"):
        raise ApiError(40003)
    return known


@wechat_api("sns/userinfo", "GET", token=False)
def userinfo(call: Call) -> Doc:
    known = _user_token(call)
    if known["scope"] != "snsapi_userinfo":
        raise ApiError(48001)
    world = call.sandbox.world
    name = "" if known["snapshot"] else world.data["people"][known["person"]]["name"]
    shown: Doc = {
        "openid": known["openid"],
        "nickname": name,
        "sex": 0,
        "province": "",
        "city": "",
        "country": "",
        "headimgurl": f"https://thirdwx.qlogo.cn/mmopen/{ids.hexes(12, 'avatar', known['person'])}/132",
        "privilege": [],
    }
    if world.unionid(known["person"], call.account):
        who = f"snapshot-{known['person']}" if known["snapshot"] else known["person"]
        shown["unionid"] = ids.unionid(who, call.account["open_platform"])
    return shown


@wechat_api("sns/auth", "GET", token=False)
def auth(call: Call) -> Doc:
    _user_token(call)
    return dict(OK)


@wechat_api("sns/jscode2session", "GET", token=False)
def jscode2session(call: Call) -> Doc:
    world = call.sandbox.world
    account = owner(call, call.args.get("appid", ""), call.args.get("secret", ""))
    if call.args.get("grant_type", "authorization_code") != "authorization_code":
        raise ApiError(40002)
    if not call.args.get("js_code"):
        raise ApiError(41008)
    code = take_code(call, call.args["js_code"], "js", account, 40163)
    openid = ids.openid(code["person"], account["appid"])
    sessions = world.data["sessions"]
    key = f"{account['appid']}|{openid}"
    if key not in sessions or world.switches["wechat.session_key_rotates"]:
        sessions[key] = new_session_key()
        world.changed()
    shown = {"session_key": sessions[key], "openid": openid}
    unionid = world.unionid(code["person"], account)
    return {**shown, "unionid": unionid} if unionid else shown


def new_session_key() -> str:
    return ids.new_text(22) + "=="
