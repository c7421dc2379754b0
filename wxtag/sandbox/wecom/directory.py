"""Members, departments, and the app itself."""

from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, cursor_in, cursor_out, in_range, member
from wxtag.sandbox.world import Doc

_MOST_LISTED = 10_000
_EMPTY_USER: Doc = {"department": [], "order": [], "is_leader_in_dept": [], "direct_leader": []}


def parts_of(found: Doc) -> list[int]:
    """The departments of a member, the main one first."""
    return list(dict.fromkeys([found["department"], *found.get("departments", [])]))


def _full(found: Doc) -> Doc:
    """A new self-built app gets no mobile, e-mail, avatar or gender."""
    return {
        "userid": found["userid"],
        "name": found["name"],
        "department": parts_of(found),
        "order": [0] * len(parts_of(found)),
        "is_leader_in_dept": [0] * len(parts_of(found)),
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
    staff = corp["staff"].values()
    return [s for s in staff if parts.intersection(parts_of(s)) and in_range(call, s["userid"])]


def _below(corp: Doc, top: int) -> set[int]:
    parts = {top}
    while True:
        more = {d["id"] for d in corp["departments"].values() if d["parentid"] in parts} - parts
        if not more:
            return parts
        parts |= more


@wecom_api("user/simplelist", "GET", {"userlist": []})
def user_simplelist(call: Call) -> Doc:
    rows = [{"userid": s["userid"], "name": s["name"], "department": parts_of(s)} for s in _members(call)]
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


@wecom_api("department/get", "GET", {"department": {}})
def department_get(call: Call) -> Doc:
    found = corp_of(call)["departments"].get(call.args.get("id", ""))
    if found is None:
        raise ApiError(60003)
    return {**OK, "department": {**found, "name_en": "", "department_leader": []}}


@wecom_api("user/list_id", "POST", {"dept_user": []})
def user_list_id(call: Call) -> Doc:
    """One row a membership; for the secret of contact sync alone."""
    if call.account.get("role") != "contact_sync":
        raise ApiError(48002)
    limit = call.body.get("limit") or _MOST_LISTED
    if not isinstance(limit, int) or not 1 <= limit <= _MOST_LISTED:
        raise ApiError(40058)
    start = cursor_in("list_id", call.body.get("cursor"))
    staff = corp_of(call)["staff"].values()
    rows = [{"userid": s["userid"], "department": part} for s in staff for part in parts_of(s)]
    cursor = cursor_out("list_id", start + limit) if start + limit < len(rows) else ""
    return {**OK, "dept_user": rows[start : start + limit], "next_cursor": cursor}


@wecom_api("user/get_userid_by_email", "POST", {"userid": ""})
def user_by_email(call: Call) -> Doc:
    """`email_type` 1 (default) is the corp's mail, 2 the personal one."""
    field = "email" if call.body.get("email_type") == 2 else "biz_mail"
    for found in corp_of(call)["staff"].values():
        if (
            call.body.get("email")
            and found.get(field) == call.body["email"]
            and in_range(call, found["userid"])
        ):
            return {**OK, "userid": found["userid"]}
    raise ApiError(46004)


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
