"""What a mini-program tells: pushes of the platform, and what its own front end reports to us.

https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
"""

from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, NewLink, identity
from wxtag.events.official_account import event_name
from wxtag.places import locate

MESSAGES = frozenset({"message.text", "message.image", "message.miniprogrampage"})
REPORTS = {
    "launch": "launched",
    "page": "viewed",
    "share": "shared",
    "device": "reported_device",
    "location": "located",
}
KEPT = ("path", "title", "scene", "brand", "model", "system", "platform", "network")
"""Of a report only these are kept with the event; whatever else a front end sends is dropped."""


def decode(account: BoundAccount, content: dict[str, Any], received_at: int, _datum: str) -> Decoded:
    """The meaning of one push of the platform: customer-service messages so far."""
    name = event_name(content)
    if name not in MESSAGES:
        return Decoded(ignored=name)
    who = fields.required("openid", account.key, content, "FromUserName")
    at = fields.happened_at(content, received_at)
    return Decoded(events=[NewEvent(who, "messaged", at, properties={"type": name.split(".")[1]})])


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
