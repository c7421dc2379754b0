"""message/send: app messages to staff, kept for their clients to show."""

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wecom.gate import OK, wecom_api
from wxtag.sandbox.wecom.scope import corp_of, in_range
from wxtag.sandbox.world import Doc

_KINDS = {"text", "image", "voice", "video", "file", "textcard", "news", "mpnews", "markdown",
          "miniprogram_notice", "template_card"}  # fmt: skip
_KEPT = 500


@wecom_api("message/send")
def message_send(call: Call) -> Doc:
    body, corp, world = call.body, corp_of(call), call.sandbox.world
    kind = body.get("msgtype")
    if kind not in _KINDS or kind not in body:
        raise ApiError(40058)
    if kind != "miniprogram_notice" and body.get("agentid") != call.account["agentid"]:
        raise ApiError(301002 if body.get("agentid") is not None else 40056)
    wanted = [item for item in str(body.get("touser") or "").split("|") if item]
    parties = [item for item in str(body.get("toparty") or "").split("|") if item]
    if not wanted and not parties and not body.get("totag"):
        raise ApiError(40063)
    staff = [s for s in corp["staff"].values() if in_range(call, s["userid"])]
    by_id = {s["userid"].lower(): s for s in staff}
    if wanted == ["@all"]:
        to, invalid = staff, []
    else:
        to = [by_id[item.lower()] for item in wanted if item.lower() in by_id]
        # Ids are echoed in lower case.
        invalid = [item.lower() for item in wanted if item.lower() not in by_id]
    to = to + [s for s in staff if str(s["department"]) in parties and s not in to]
    if not to:
        raise ApiError(81013)
    number = ids.new_text(40)
    message = {"id": number, "at": world.now(), "to": [s["userid"] for s in to], "type": kind}
    corp["messages"] = [*corp["messages"], {**message, "content": body[kind]}][-_KEPT:]
    world.changed()
    return {
        **OK,
        "invaliduser": "|".join(invalid),
        "invalidparty": "|".join(p for p in parties if p not in corp["departments"]),
        "invalidtag": "",
        "unlicenseduser": "",
        "msgid": number,
        "response_code": "",
    }
