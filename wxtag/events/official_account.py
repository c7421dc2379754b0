"""What the messages and events of an Official Account mean.

https://developers.weixin.qq.com/doc/service/guide/product/message/Receiving_event_pushes.html
"""

from collections.abc import Callable
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, Profile, Question
from wxtag.places import locate

QRSCENE = "qrscene_"


def decode(account: BoundAccount, content: dict[str, Any], received_at: int, datum: str) -> Decoded:
    """The meaning of one push. Raises InputError for one that says of nobody."""
    name = event_name(content)
    found = TABLE.get(name)
    if found is None:
        return Decoded(ignored=name or "a message without a type")
    who = fields.required("openid", account.key, content, "FromUserName")
    at = fields.happened_at(content, received_at)
    return found(account, who, content, at, datum)


def event_name(content: dict[str, Any]) -> str:
    """`message.text` or `event.subscribe`: the platform's name, case folded as its own SDKs do."""
    kind = fields.text(content, "MsgType").lower()
    return f"event.{fields.text(content, 'Event').lower()}" if kind == "event" else f"message.{kind}"


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


Meaning = Callable[[BoundAccount, IdentityKey, dict[str, Any], int, str], Decoded]
TABLE: dict[str, Meaning] = {
    "event.subscribe": _subscribe,
    "event.unsubscribe": _unsubscribe,
    "event.scan": _scan,
    "event.location": _location,
    "event.click": _menu,
    "event.view": _menu,
    "message.text": _message,
    "message.image": _message,
    "message.voice": _message,
    "message.video": _message,
    "message.shortvideo": _message,
    "message.location": _message,
    "message.link": _message,
}
