"""What WeCom's events mean: who has whom as a contact, and that a library or a contact must be read again.

https://developer.work.weixin.qq.com/document/path/92130
"""

from collections.abc import Callable
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, Question, Relation


def decode(account: BoundAccount, content: dict[str, Any], received_at: int, _datum: str) -> Decoded:
    """The meaning of one callback. Callbacks get lost or out of order: each one also asks for the truth."""
    name = event_name(content)
    found = TABLE.get(name)
    if found is None:
        return Decoded(ignored=name)
    return found(account, content, fields.happened_at(content, received_at))


def event_name(content: dict[str, Any]) -> str:
    """`change_external_contact.add_external_contact`; messages and app events by their own name."""
    event = fields.text(content, "Event").lower()
    change = fields.text(content, "ChangeType").lower()
    if change:
        return f"{event}.{change}"
    return f"event.{event}" if event else f"message.{fields.text(content, 'MsgType').lower()}"


def _who(account: BoundAccount, content: dict[str, Any]) -> IdentityKey:
    return fields.required("external_userid", account.key, content, "ExternalUserID")


def _relation(account: BoundAccount, content: dict[str, Any], at: int, **more: Any) -> list[Relation]:
    userid = fields.text(content, "UserID")
    if not userid:
        return []  # events of the acquisition component may lack it: the reading tells
    external = fields.text(content, "ExternalUserID")
    return [Relation(account.key, userid, external, at=at, **more)]


def _event(
    account: BoundAccount, content: dict[str, Any], at: int, kind: str, status: str, ask: bool = True
) -> Decoded:
    who = _who(account, content)
    state = fields.text(content, "State") or None
    added_at = at if kind in ("added", "half_added") else None
    return Decoded(
        events=[
            NewEvent(who, kind, at, channel=state, properties={"userid": fields.text(content, "UserID")})
        ],
        relations=_relation(account, content, at, status=status, state=state, added_at=added_at),
        questions=[Question(account.id, "contact", who.value)] if ask else [],
    )


def _added(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    return _event(account, content, at, "added", "active")


def _half_added(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """Not a customer yet: asking for them would only be answered 84061."""
    return _event(account, content, at, "half_added", "half", ask=False)


def _edited(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """The event does not say what was edited: remark, tags, personal tags. Read it again."""
    who = _who(account, content)
    return Decoded(identities=[who], questions=[Question(account.id, "contact", who.value)])


def _deleted_by_staff(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    return _event(account, content, at, "deleted_by_staff", "deleted_by_staff")


def _deleted_staff(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """The customer ended it; the member still has them, and their tags can still be marked."""
    return _event(account, content, at, "deleted_staff", "deleted_by_customer")


def _library(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    return Decoded(library_changed=True)


CONTACT, TAG = "change_external_contact", "change_external_tag"
TABLE: dict[str, Callable[[BoundAccount, dict[str, Any], int], Decoded]] = {
    f"{CONTACT}.add_external_contact": _added,
    f"{CONTACT}.edit_external_contact": _edited,
    f"{CONTACT}.add_half_external_contact": _half_added,
    f"{CONTACT}.del_external_contact": _deleted_by_staff,
    f"{CONTACT}.del_follow_user": _deleted_staff,
    f"{TAG}.create": _library,
    f"{TAG}.update": _library,
    f"{TAG}.delete": _library,
    f"{TAG}.shuffle": _library,
}
