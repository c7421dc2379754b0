"""Members, departments, the app itself, and who opened a page (web authorisation)."""

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, in_range, member
from wxtag.sandbox.world import Doc

_EMPTY_USER: Doc = {"department": [], "order": [], "is_leader_in_dept": [], "direct_leader": []}


def _full(found: Doc) -> Doc:
    """A new self-built app gets no mobile, e-mail, avatar or gender."""
    return {
        "userid": found["userid"],
        "name": found["name"],
        "department": [found["department"]],
        "order": [0],
        "is_leader_in_dept": [0],
        "main_department": found["department"],
        "direct_leader": [],
        "position": found["position"],
        "status": found["status"],
        "alias": "",
        "telephone": "",
        "extattr": {"attrs": []},
    }


@wecom_api("user/get", "GET", _EMPTY_USER)
def user_get(call: Call) -> Doc:
    return {**OK, **_full(member(call, call.args.get("userid")))}


def _members(call: Call) -> list[Doc]:
    corp = corp_of(call)
    wanted = call.args.get("department_id", "")
    if wanted not in corp["departments"]:
        raise ApiError(60003)
    parts = {int(wanted)}
    if call.args.get("fetch_child") == "1":
        parts = _below(corp, int(wanted))
    return [s for s in corp["staff"].values() if s["department"] in parts and in_range(call, s["userid"])]


def _below(corp: Doc, top: int) -> set[int]:
    parts = {top}
    while True:
        more = {d["id"] for d in corp["departments"].values() if d["parentid"] in parts} - parts
        if not more:
            return parts
        parts |= more


@wecom_api("user/simplelist", "GET", {"userlist": []})
def user_simplelist(call: Call) -> Doc:
    rows = [
        {"userid": s["userid"], "name": s["name"], "department": [s["department"]]} for s in _members(call)
    ]
    return {**OK, "userlist": rows}


@wecom_api("user/list", "GET", {"userlist": []})
def user_list(call: Call) -> Doc:
    return {**OK, "userlist": [_full(found) for found in _members(call)]}


def _departments(call: Call) -> list[Doc]:
    corp = corp_of(call)
    top = call.args.get("id") or "1"
    if top not in corp["departments"]:
        raise ApiError(60003)
    parts = _below(corp, int(top))
    return [d for d in corp["departments"].values() if d["id"] in parts]


@wecom_api("department/list", "GET", {"department": []})
def department_list(call: Call) -> Doc:
    rows = [{**d, "name_en": "", "department_leader": []} for d in _departments(call)]
    return {**OK, "department": rows}


@wecom_api("department/simplelist", "GET", {"department_id": []})
def department_simplelist(call: Call) -> Doc:
    rows = [{"id": d["id"], "parentid": d["parentid"], "order": d["order"]} for d in _departments(call)]
    return {**OK, "department_id": rows}


@wecom_api("user/getuserid", "POST", {"userid": ""})
def user_getuserid(call: Call) -> Doc:
    for found in corp_of(call)["staff"].values():
        if found["mobile"] == call.body.get("mobile") and in_range(call, found["userid"]):
            return {**OK, "userid": found["userid"]}
    raise ApiError(46004)


@wecom_api("agent/get", "GET", {"allow_userinfos": {"user": []}})
def agent_get(call: Call) -> Doc:
    account = call.account
    if call.args.get("agentid") not in (None, "", str(account["agentid"])):
        raise ApiError(301002)
    staff = [s["userid"] for s in corp_of(call)["staff"].values() if in_range(call, s["userid"])]
    everyone = account["visible"] is None
    return {
        **OK,
        "agentid": account["agentid"],
        "name": account["name"],
        "square_logo_url": "",
        "description": "",
        "allow_userinfos": {"user": [{"userid": userid} for userid in staff]},
        "allow_partys": {"partyid": [1] if everyone else []},
        "allow_tags": {"tagid": []},
        "close": 0 if account["enabled"] else 1,
        "redirect_domain": "",
        "report_location_flag": 0,
        "isreportenter": 0,
        "home_url": "",
    }


@wecom_api("auth/getuserinfo", "GET")
def auth_getuserinfo(call: Call) -> Doc:
    world = call.sandbox.world
    code = world.data["codes"].get(call.args.get("code", ""))
    if code is None or code["kind"] != "wecom_oauth" or code["account"] != call.account["corpid"]:
        raise ApiError(40029)
    if code["used"]:
        raise ApiError(42022)
    if code["at"] + float(world.switches["wechat.code_seconds"]) < world.now():
        raise ApiError(40029)
    code["used"] = True
    world.changed()
    if code.get("userid"):
        result = {**OK, "userid": code["userid"]}
        if code["scope"] == "snsapi_privateinfo" and in_range(call, code["userid"]):
            result["user_ticket"] = ids.new_text(40)
        return result
    corpid, person = call.account["corpid"], code["person"]
    result = {**OK, "openid": ids.openid(person, corpid)}
    key = ids.external_userid(person, corpid)
    relations = corp_of(call)["edges"].values()
    if any(key in edges and in_range(call, edges[key]["userid"]) for edges in relations):
        result["external_userid"] = key
    return result
