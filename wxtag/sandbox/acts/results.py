"""Events of an account itself: results of sending, sessions of its agents, checks, and any other."""

from typing import Any

from wxtag.sandbox.acts.fans import event, head, visitor
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.pushes import Bare, Fields
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

_FIRST_MASS = 1_000_001_625_000_000_000
PLATFORM = "oPlatformPushUser0000000001"


@act("template_result")
def template_result(sandbox: Sandbox, body: Doc) -> Doc:
    """What became of a template message: `status` success, failed:user block, failed: system failed, …"""
    account, _, openid = visitor(sandbox, body)
    number = int(body.get("msgid") or 3_487_000_000_000_000_000 + sandbox.world.number())
    more = (("MsgID", number), ("Status", str(body.get("status") or "success")))
    return event(sandbox, account, openid, "TEMPLATESENDJOBFINISH", *more)


@act("mass_result")
def mass_result(sandbox: Sandbox, body: Doc) -> Doc:
    """What became of a mass message to `total` fans, of whom `errors` did not get it."""
    account = sandbox.world.need_account(body.get("appid"), "official_account")
    total, errors = int(body.get("total") or 100), int(body.get("errors") or 0)
    number = int(body.get("msgid") or _FIRST_MASS + sandbox.world.number())
    fields: Fields = [*head(sandbox, account, PLATFORM), ("Event", "MASSSENDJOBFINISH"), ("MsgID", number)]
    fields += [("Status", str(body.get("status") or "send success")), ("TotalCount", total)]
    fields += [("FilterCount", total), ("SentCount", total - errors), ("ErrorCount", errors)]
    urls: list[Any] = [
        [("ArticleIdx", at), ("ArticleUrl", str(url))] for at, url in _numbered(body.get("urls"))
    ]
    if urls:
        listed = [("item", row) for row in urls]
        fields.append(("ArticleUrlResult", [("Count", len(urls)), ("ResultList", listed)]))
    return {"msgid": str(number), "deliveries": [sandbox.courier.push(account, fields, PLATFORM)]}


def _numbered(value: Any) -> list[tuple[int, Any]]:
    return list(enumerate(value if isinstance(value, list) else [], 1))


@act("agent_session")
def agent_session(sandbox: Sandbox, body: Doc) -> Doc:
    """A session with an agent: `what` create, close or switch; `agent`, `to`."""
    account, _, openid = visitor(sandbox, body)
    what, agent = str(body.get("what") or "create"), str(body.get("agent") or "kf1@demo")
    if what not in ("create", "close", "switch"):
        raise ActError(TEXTS["bad_value"].format(what))
    more: Fields = [("KfAccount", agent)]
    if what == "switch":
        more = [("FromKfAccount", agent), ("ToKfAccount", str(body.get("to") or "kf2@demo"))]
    return event(sandbox, account, openid, f"kf_{what}_session", *more)


@act("card_got")
def card_got(sandbox: Sandbox, body: Doc) -> Doc:
    """The person gets a card (voucher)."""
    account, person, openid = visitor(sandbox, body)
    more: Fields = [("CardId", str(body.get("card") or "pDemoCard")), ("IsGiveByFriend", 0)]
    more += [
        ("UserCardCode", str(sandbox.world.number() + 10**11)),
        ("OuterStr", str(body.get("outer") or "")),
    ]
    unionid = sandbox.world.unionid(person["id"], account)
    more += [("UnionId", unionid)] if unionid else []
    return event(sandbox, account, openid, "user_get_card", *more)


@act("media_checked")
def media_checked(sandbox: Sandbox, body: Doc) -> Doc:
    """The result of wxa_media_check: `suggest`, `label`, `errcode`."""
    account = sandbox.world.need_account(body.get("appid"), "mini_program")
    suggest, label = str(body.get("suggest") or "pass"), int(body.get("label") or 100)
    code = int(body.get("errcode") or 0)
    row: Fields = [("strategy", "content_model"), ("errcode", code), ("suggest", suggest)]
    row += [("label", label), ("prob", 90)]
    listed: Any = [dict(row)] if account.get("format") == "json" else row
    fields: Fields = [*head(sandbox, account, PLATFORM), ("Event", "wxa_media_check")]
    fields += [
        ("appid", account["appid"]),
        ("trace_id", str(body.get("trace_id") or "68a1b2c3-0d0e0f01-7a7b7c7d")),
    ]
    fields += [("version", 2), ("detail", listed), ("errcode", code), ("errmsg", "ok")]
    fields.append(("result", [("suggest", suggest), ("label", label)]))
    return {"deliveries": [sandbox.courier.push(account, fields, PLATFORM)]}


@act("any_event")
def any_event(sandbox: Sandbox, body: Doc) -> Doc:
    """Any other push: `event` and `fields`; of the platform, or of a `person`.

    For qualification_verify_success, naming_verify_success, annual_renew, verify_expired, debug_demo,
    weapp_audit_success, wxa_nickname_audit, notify_service_msg_send_result, and whatever comes new.
    Values are texts (CDATA), numbers (bare) or objects; `message` true makes it a message with a MsgId.
    """
    account = sandbox.world.need_account(body.get("appid") or body.get("account"))
    if account["kind"] == "wecom":
        sender = str(body.get("sender") or "sys")
        fields: Fields = [("ToUserName", account["corpid"]), ("FromUserName", sender)]
        fields += [("CreateTime", sandbox.world.now()), ("MsgType", "event")]
    else:
        sender = PLATFORM
        if body.get("person"):
            sender = sandbox.world.know_openid(
                sandbox.world.need_person(body["person"])["id"], account["appid"]
            )
        fields = head(sandbox, account, sender)
    if body.get("message"):
        fields[3] = ("MsgType", str(body.get("event") or ""))
    else:
        fields.append(("Event", str(body.get("event") or "")))
    fields += _nested(body.get("fields") or {})
    if body.get("message"):
        fields.append(("MsgId", 24_810_012_000_000_000 + sandbox.world.number()))
    openid = None if account["kind"] == "wecom" else sender
    return {"deliveries": [sandbox.courier.push(account, fields, openid)]}


def _nested(values: Doc) -> Fields:
    found: Fields = []
    for name, value in values.items():
        if isinstance(value, dict):
            found.append((name, _nested(value)))
        elif isinstance(value, list):
            # A list repeats its element.
            found += [(name, _nested(one) if isinstance(one, dict) else one) for one in value]
        else:
            found.append((name, Bare(str(value)) if isinstance(value, float) else value))
    return found
