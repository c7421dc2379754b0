"""Ids of one level turned into those of another; most of these are for provider apps only."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, external, in_range
from wxtag.sandbox.world import Doc


def _for_providers(call: Call) -> None:
    opened = call.sandbox.world.switches["wecom.conversions_of_self_built"]
    if call.account["role"] != "agent_development" and not opened:
        raise ApiError(48002)


def _person_of_unionid(call: Call) -> str:
    """The person behind `unionid` and `openid`, which must belong together."""
    world, openid = call.sandbox.world, call.body.get("openid")
    found = world.owner_of_openid(str(openid or ""))
    if found is None or not call.body.get("unionid"):
        raise ApiError(610014)
    person, appid = found
    account = world.account(appid) or {}
    if world.unionid(person, account) != call.body["unionid"]:
        raise ApiError(610014)
    return person


def _friend(call: Call, person: str) -> str | None:
    """The external_userid when a follower, or the owner of a group he is in, is in range."""
    key = ids.external_userid(person, call.account["corpid"])
    corp = corp_of(call)
    followed = any(key in edges and in_range(call, edges[key]["userid"]) for edges in corp["edges"].values())
    grouped = any(
        in_range(call, chat["owner"]) and any(row.get("person") == person for row in chat["members"])
        for chat in corp["chats"].values()
    )
    return key if followed or grouped else None


@wecom_api("externalcontact/unionid_to_external_userid", "POST", {"external_userid": ""})
def unionid_older(call: Call) -> Doc:
    _for_providers(call)
    key = _friend(call, _person_of_unionid(call))
    if key is None:
        raise ApiError(84061)
    return {**OK, "external_userid": key}


@wecom_api("idconvert/unionid_to_external_userid", "POST", {"external_userid": ""})
def unionid_to_external_userid(call: Call) -> Doc:
    """Somebody who is no customer yet gets a pending_id instead."""
    _for_providers(call)
    if call.body.get("subject_type", 0) not in (0, 1):
        raise ApiError(40035)
    person = _person_of_unionid(call)
    key = _friend(call, person)
    if key is not None:
        return {**OK, "external_userid": key}
    return {**OK, "pending_id": _pending(call, person)}


def _pending(call: Call, person: str) -> str:
    window = call.sandbox.world.now() // max(
        1, int(call.sandbox.world.switches["wecom.pending_id_days"]) * 86_400
    )
    return "pd" + ids.fixed_text(30, "pending", person, call.account["corpid"], str(window))


@wecom_api("idconvert/batch/external_userid_to_pending_id", "POST", {"result": []})
def external_userid_to_pending_id(call: Call) -> Doc:
    _for_providers(call)
    keys = call.listed("external_userid", 40058)
    if not keys or len(keys) > 100:
        raise ApiError(40058)
    rows = [{"external_userid": key, "pending_id": _pending(call, external(call, key))} for key in keys]
    return {**OK, "result": rows}


@wecom_api("corpgroup/unionid_to_external_userid", "POST", {"external_userid_info": []})
def upstream_unionid(call: Call) -> Doc:
    """Only corps of an upstream and downstream family; the sandbox has none."""
    raise ApiError(48002)


@wecom_api("externalcontact/convert_to_openid", "POST", {"openid": ""})
def convert_to_openid(call: Call) -> Doc:
    person = external(call, call.body.get("external_userid"))
    return {**OK, "openid": ids.openid(person, call.account["corpid"])}


def _service_id(call: Call, key: str) -> str:
    return "wm" + ids.fixed_text(30, "service", key, call.account["corpid"])


@wecom_api("externalcontact/to_service_external_userid", "POST", {"external_userid": ""})
def to_service_external_userid(call: Call) -> Doc:
    _for_providers(call)
    key = call.body.get("external_userid")
    external(call, key)
    return {**OK, "external_userid": _service_id(call, str(key))}


@wecom_api("externalcontact/from_service_external_userid", "POST", {"external_userid": ""})
def from_service_external_userid(call: Call) -> Doc:
    if not call.body.get("source_agentid"):
        raise ApiError(40056)
    wanted = call.body.get("external_userid")
    for edges in corp_of(call)["edges"].values():
        for key in edges:
            if _service_id(call, key) == wanted:
                return {**OK, "external_userid": key}
    raise ApiError(40096)


def _new_ids(call: Call) -> Doc:
    """Ids of the level the app has already come back as they are."""
    _for_providers(call)
    keys = call.listed("external_userid_list", 40058)
    if not keys or len(keys) > 1000:
        raise ApiError(40058)
    known = [key for key in keys if call.sandbox.world.person_of_external(call.account["corpid"], key)]
    return {**OK, "items": [{"external_userid": key, "new_external_userid": key} for key in known]}


@wecom_api("externalcontact/get_new_external_userid", "POST", {"items": []})
def get_new_external_userid(call: Call) -> Doc:
    return _new_ids(call)


@wecom_api("externalcontact/groupchat/get_new_external_userid", "POST", {"items": []})
def chat_new_external_userid(call: Call) -> Doc:
    if call.body.get("chat_id") not in corp_of(call)["chats"]:
        raise ApiError(40050)
    return _new_ids(call)


def _pairs(call: Call, name: str, known: Any, code: int = 40058) -> tuple[list[tuple[str, str]], list[str]]:
    """Known ids with what they become, and the others."""
    keys = call.listed(name, code)
    if not keys or len(keys) > 1000:
        raise ApiError(code)
    found = [(key, known(key)) for key in keys]
    return [(key, str(value)) for key, value in found if value], [key for key, value in found if not value]


@wecom_api("idconvert/external_tagid", "POST", {"items": [], "invalid_external_tagid_list": []})
def external_tagid(call: Call) -> Doc:
    _for_providers(call)
    corp = corp_of(call)
    there = {*corp["tags"], *corp["groups"]}
    good, bad = _pairs(
        call,
        "external_tagid_list",
        lambda key: "et" + ids.fixed_text(30, "open", key) if key in there else None,
    )
    items = [{"external_tagid": key, "open_external_tagid": value} for key, value in good]
    return {**OK, "items": items, "invalid_external_tagid_list": bad}


def _open_userid(call: Call, userid: str) -> str:
    return "wo" + ids.fixed_text(30, "openuser", userid.lower(), call.account["corpid"])


@wecom_api("batch/userid_to_openuserid", "POST", {"open_userid_list": [], "invalid_userid_list": []})
def userid_to_openuserid(call: Call) -> Doc:
    _for_providers(call)
    staff = corp_of(call)["staff"]
    good, bad = _pairs(
        call, "userid_list", lambda key: _open_userid(call, key) if key.lower() in staff else None
    )
    rows = [{"userid": key, "open_userid": value} for key, value in good]
    return {**OK, "open_userid_list": rows, "invalid_userid_list": bad}


@wecom_api("batch/openuserid_to_userid", "POST", {"userid_list": [], "invalid_open_userid_list": []})
def openuserid_to_userid(call: Call) -> Doc:
    if not call.body.get("source_agentid"):
        raise ApiError(40056)
    back = {_open_userid(call, s["userid"]): s["userid"] for s in corp_of(call)["staff"].values()}
    good, bad = _pairs(call, "open_userid_list", back.get)
    rows = [{"open_userid": key, "userid": value} for key, value in good]
    return {**OK, "userid_list": rows, "invalid_open_userid_list": bad}
