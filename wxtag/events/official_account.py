"""What the messages and events of an Official Account mean.

https://developers.weixin.qq.com/doc/service/guide/product/message/Receiving_event_pushes.html
"""

from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields, notices, privacy
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, NewLink, Profile, Question, identity
from wxtag.events.wechat import ACCOUNT_EVENTS, ByName, BySender, read
from wxtag.places import locate

QRSCENE = "qrscene_"


def decode(account: BoundAccount, content: dict[str, Any], received_at: int, datum: str) -> Decoded:
    """The meaning of one push. Raises InputError for one that says of nobody."""
    return read(account, content, received_at, datum, TABLE, BY_NAME, IGNORED)


def _one(who: IdentityKey, kind: str, at: int, **more: Any) -> Decoded:
    return Decoded(events=[NewEvent(who, kind, at, **more)])


def _subscribe(
    account: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str
) -> Decoded:
    """A follow. Only the prefix qrscene_ tells a scene; other prefixes (scanbarcode|…) tell none."""
    key = fields.text(content, "EventKey")
    channel = key.removeprefix(QRSCENE) if key.startswith(QRSCENE) else None
    return Decoded(
        events=[NewEvent(who, "followed", at, channel=channel or None)],
        profiles=[Profile(who, active=True, at=at)],
        questions=[Question(account.id, "user_info", who.value)],
    )


def _unsubscribe(
    _a: BoundAccount, who: IdentityKey, _content: dict[str, Any], at: int, _datum: str
) -> Decoded:
    return Decoded(events=[NewEvent(who, "unfollowed", at)], profiles=[Profile(who, active=False, at=at)])


def _scan(account: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str) -> Decoded:
    decoded = _one(who, "scanned", at, channel=fields.text(content, "EventKey") or None)
    decoded.questions.append(Question(account.id, "user_info", who.value))
    return decoded


def _location(
    account: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, datum: str
) -> Decoded:
    """A LOCATION report. The coordinates end here: only the place is kept."""
    place = locate(fields.number(content, "Latitude"), fields.number(content, "Longitude"), datum)
    return _one(who, "located", at, place=place)


def _message(
    account: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, datum: str
) -> Decoded:
    """A message of the follower; of its content only the type is kept with the event."""
    kind = fields.text(content, "MsgType").lower()
    if kind == "location":
        # X is the latitude here, Y the longitude.
        place = locate(fields.number(content, "Location_X"), fields.number(content, "Location_Y"), datum)
        return _one(who, "sent_location", at, place=place)
    return _one(who, "messaged", at, properties={"type": kind})


def _menu(account: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str) -> Decoded:
    return _one(who, "clicked_menu", at, properties={"key": fields.text(content, "EventKey")[:190]})


def _card(account: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str) -> Decoded:
    """A coupon or card was taken; the only event of a person that may name their unionid."""
    decoded = _one(who, "got_card", at, properties={"card": fields.text(content, "CardId")[:190]})
    unionid = identity("unionid", account.open_platform, fields.text(content, "UnionId"))
    if unionid is not None:
        decoded.links.append(NewLink(who, unionid, "card"))
    return decoded


def _served(_a: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str) -> Decoded:
    return _one(who, "served", at, properties={"by": fields.text(content, "KfAccount")[:190]})


TABLE: dict[str, BySender] = {
    "event.subscribe": _subscribe,
    "event.unsubscribe": _unsubscribe,
    "event.scan": _scan,
    "event.location": _location,
    # What was scanned, photographed or chosen follows as a message of its own, or is of no use.
    "event.click": _menu,
    "event.view": _menu,
    "event.view_miniprogram": _menu,
    "event.scancode_push": _menu,
    "event.scancode_waitmsg": _menu,
    "event.pic_sysphoto": _menu,
    "event.pic_photo_or_album": _menu,
    "event.pic_weixin": _menu,
    "event.location_select": _menu,
    "event.templatesendjobfinish": notices.sent,
    "event.subscribe_msg_popup_event": notices.subscription,
    "event.subscribe_msg_change_event": notices.subscription,
    "event.subscribe_msg_sent_event": notices.subscription_sent,
    "event.user_get_card": _card,
    "event.kf_create_session": _served,
    "message.text": _message,
    "message.image": _message,
    "message.voice": _message,
    "message.video": _message,
    "message.shortvideo": _message,
    "message.location": _message,
    "message.link": _message,
}
BY_NAME: dict[str, ByName] = dict(privacy.TABLE)
IGNORED = {
    **ACCOUNT_EVENTS,
    "event.masssendjobfinish": "counts of a mass message; it names no receiver",
    "event.kf_switch_session": "an agent's session went to another agent",
    "event.kf_close_session": "an agent's session ended",
}
"""Known, and nothing follows: why."""
