"""What a mini-program tells: pushes of the platform, and what its own front end reports to us.

https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
"""

from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields, notices, privacy
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, NewLink, identity
from wxtag.events.wechat import ACCOUNT_EVENTS, OPERATION, ByName, BySender, read
from wxtag.places import locate

REPORTS = {
    "launch": "launched",
    "page": "viewed",
    "share": "shared",
    "device": "reported_device",
    "location": "located",
}
KEPT = ("path", "title", "scene", "brand", "model", "system", "platform", "network")
"""Of a report only these are kept with the event; whatever else a front end sends is dropped."""


def decode(account: BoundAccount, content: dict[str, Any], received_at: int, datum: str) -> Decoded:
    """The meaning of one push of the platform, in XML or JSON."""
    return read(account, content, received_at, datum, TABLE, BY_NAME, IGNORED)


def login(account: BoundAccount, content: dict[str, Any], received_at: int, _datum: str) -> Decoded:
    """A login: jscode2session has answered the openid, and the unionid where there is one."""
    who = fields.required("openid", account.key, content, "openid")
    decoded = Decoded(events=[NewEvent(who, "logged_in", received_at)])
    unionid = identity("unionid", account.open_platform, fields.text(content, "unionid"))
    if unionid is not None:
        decoded.links.append(NewLink(who, unionid, "mini_login"))
    return decoded


def phone(account: BoundAccount, content: dict[str, Any], received_at: int, _datum: str) -> Decoded:
    """A phone that WeChat has verified (getuserphonenumber): it may join."""
    who = fields.required("openid", account.key, content, "openid")
    decoded = Decoded(events=[NewEvent(who, "gave_phone", received_at)])
    number = identity("phone", "", fields.text(content, "phone"))
    if number is not None:
        decoded.links.append(NewLink(who, number, "mini_phone"))
    return decoded


def events(account: BoundAccount, content: dict[str, Any], received_at: int, datum: str) -> Decoded:
    """What the front end reports of the person who is logged in."""
    who = fields.required("openid", account.key, content, "openid")
    reports = content.get("events")
    if not isinstance(reports, list):
        return Decoded(ignored="events that are no list")
    return Decoded(
        identities=[who],
        events=[event for one in reports if (event := _report(who, one, received_at, datum)) is not None],
    )


def _message(_a: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str) -> Decoded:
    kind = fields.text(content, "MsgType").lower()
    return Decoded(events=[NewEvent(who, "messaged", at, properties={"type": kind})])


def _opened(_a: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str) -> Decoded:
    """A button led to customer service; its session-from attribute tells where from."""
    origin = fields.text(content, "SessionFrom")
    return Decoded(events=[NewEvent(who, "opened_session", at, channel=origin[:128] or None)])


TABLE: dict[str, BySender] = {
    "message.text": _message,
    "message.image": _message,
    "message.miniprogrampage": _message,
    "event.user_enter_tempsession": _opened,
    "event.subscribe_msg_popup_event": notices.subscription,
    "event.subscribe_msg_change_event": notices.subscription,
    "event.subscribe_msg_sent_event": notices.subscription_sent,
}
BY_NAME: dict[str, ByName] = {
    **privacy.TABLE,
    "event.notify_service_msg_send_result": notices.card_sent,
}
IGNORED = {
    **ACCOUNT_EVENTS,
    "event.wxa_media_check": "the verdict on a picture or sound; it names nobody",
    "event.weapp_audit_success": OPERATION,
    "event.weapp_audit_fail": OPERATION,
    "event.weapp_audit_delay": OPERATION,
    "event.wxa_nickname_audit": OPERATION,
    "event.wxa_illegal_record": OPERATION,
    "event.wxa_appeal_record": OPERATION,
    "event.wxa_privacy_apply": OPERATION,
    "event.wxa_category_audit": OPERATION,
}
"""Known, and nothing follows: why."""


def _report(who: IdentityKey, report: Any, received_at: int, datum: str) -> NewEvent | None:
    kind = REPORTS.get(fields.text(report, "kind")) if isinstance(report, dict) else None
    if kind is None:
        return None
    place = None
    if kind == "located":
        place = locate(fields.number(report, "latitude"), fields.number(report, "longitude"), datum)
    at = report.get("at")
    return NewEvent(
        who,
        kind,
        at if isinstance(at, int) and 0 < at <= received_at else received_at,
        channel=fields.text(report, "channel") or None,
        place=place,
        properties={name: fields.text(report, name)[:190] for name in KEPT if fields.text(report, name)},
    )
