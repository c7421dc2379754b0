"""Who opened a page or a mini-program: web authorisation, login, and openids of members and customers."""

from wxtag.sandbox import codes, ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, in_range, member
from wxtag.sandbox.world import Doc

_TICKET_SECONDS = 1800


def _taken(call: Call, name: str, kind: str) -> Doc:
    """The code of this kind and corp, used up by this call."""
    world = call.sandbox.world
    code: Doc | None = world.data["codes"].get(call.args.get(name, ""))
    if code is None or code["kind"] != kind or code["account"] != call.account["corpid"]:
        raise ApiError(40029)
    if code["used"]:
        raise ApiError(42022)
    if code["at"] + float(world.switches["wechat.code_seconds"]) < world.now():
        raise ApiError(40029)
    code["used"] = True
    world.changed()
    return code


def _visitor(call: Call) -> Doc:
    """Who came with the code: a member of the corp, or somebody else."""
    code, world, corpid = _taken(call, "code", "wecom_oauth"), call.sandbox.world, call.account["corpid"]
    if code.get("userid"):
        result = {"userid": code["userid"]}
        if code["scope"] == "snsapi_privateinfo" and in_range(call, code["userid"]):
            result["user_ticket"] = codes.new_code(world, "user_ticket", corpid, userid=code["userid"])
        return result
    result = {"openid": ids.openid(code["person"], corpid)}
    key = ids.external_userid(code["person"], corpid)
    relations = corp_of(call)["edges"].values()
    if any(key in edges and in_range(call, edges[key]["userid"]) for edges in relations):
        result["external_userid"] = key
    return result


@wecom_api("auth/getuserinfo", "GET")
def auth_getuserinfo(call: Call) -> Doc:
    return {**OK, **_visitor(call)}


@wecom_api("user/getuserinfo", "GET")
def user_getuserinfo(call: Call) -> Doc:
    """The older call, with names of its own."""
    names = {"userid": "UserId", "openid": "OpenId"}
    found = {names.get(key, key): value for key, value in _visitor(call).items()}
    return {**OK, **found, "DeviceId": ids.new_text(16)}


@wecom_api("auth/getuserdetail")
def auth_getuserdetail(call: Call) -> Doc:
    world = call.sandbox.world
    ticket = world.data["codes"].get(str(call.body.get("user_ticket") or ""))
    if ticket is None or ticket["kind"] != "user_ticket" or ticket["account"] != call.account["corpid"]:
        raise ApiError(84015)
    if ticket["at"] + _TICKET_SECONDS < world.now():
        raise ApiError(84014)
    found = member(call, ticket["userid"])
    shown = {key: str(found.get(key, "")) for key in ("mobile", "email", "biz_mail", "address")}
    return {**OK, "userid": found["userid"], "gender": "0", "avatar": "", "qr_code": "", **shown}


@wecom_api("miniprogram/jscode2session", "GET")
def jscode2session(call: Call) -> Doc:
    """The login of a member in a mini-program inside WeCom."""
    if call.args.get("grant_type") != "authorization_code":
        raise ApiError(40035)
    code = _taken(call, "js_code", "wecom_js")
    key = ids.new_text(22) + "=="
    return {**OK, "corpid": call.account["corpid"], "userid": code["userid"], "session_key": key}


@wecom_api("user/convert_to_openid")
def convert_to_openid(call: Call) -> Doc:
    found = member(call, call.body.get("userid"))
    if not found.get("wechat_bound", True):
        raise ApiError(43004)
    return {**OK, "openid": ids.member_openid(found["userid"], call.account["corpid"])}


@wecom_api("user/convert_to_userid")
def convert_to_userid(call: Call) -> Doc:
    corpid, wanted = call.account["corpid"], call.body.get("openid")
    for found in corp_of(call)["staff"].values():
        if ids.member_openid(found["userid"], corpid) == wanted and in_range(call, found["userid"]):
            return {**OK, "userid": found["userid"]}
    raise ApiError(46004)
