"""What WeCom's events mean: who has whom as a contact, who works there, and what must be read again.

https://developer.work.weixin.qq.com/document/path/92130
"""

import re
from collections.abc import Callable
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, IdentityKey, NewConsent, NewEvent, Question, Relation, StaffChange


def decode(account: BoundAccount, content: dict[str, Any], received_at: int, _datum: str) -> Decoded:
    """The meaning of one callback. Callbacks get lost or out of order: each one also asks for the truth."""
    name = event_name(content)
    found = TABLE.get(name)
    if found is None:
        return Decoded(ignored=IGNORED.get(name, name))
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
    return Decoded(
        identities=[who],
        relations=_relation(account, content, at, edited=True),
        questions=[Question(account.id, "contact", who.value)],
    )


def _deleted_by_staff(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """Also what a transfer does to the relation that is handed over: then nobody deleted anybody."""
    if fields.text(content, "Source").upper() == "DELETE_BY_TRANSFER":
        return _event(account, content, at, "handed_over", "transferred")
    return _event(account, content, at, "deleted_by_staff", "deleted_by_staff")


def _deleted_staff(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """The customer ended it; the member still has them, and their tags can still be marked."""
    return _event(account, content, at, "deleted_staff", "deleted_by_customer")


def _library(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    return Decoded(library_changed=True)


def _transfer_failed(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """The customer refused, or the receiver has too many: the old relation stands. Ask how it is now."""
    who = _who(account, content)
    kept = {"userid": fields.text(content, "UserID"), "reason": fields.text(content, "FailReason")[:190]}
    return Decoded(
        events=[NewEvent(who, "transfer_failed", at, properties=kept)],
        questions=[Question(account.id, "contact", who.value)],
    )


def _archive_allowed(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    who = _who(account, content)
    return Decoded(
        events=[NewEvent(who, "allowed_archive", at, properties={"userid": fields.text(content, "UserID")})],
        consents=[NewConsent(who, "archive", True, at)],
    )


def _chat_changed(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """Somebody came to or left a customer group; the list holds ids of customers and of staff alike."""
    detail = fields.text(content, "UpdateDetail").lower()
    kind = {"add_member": "joined_group", "del_member": "left_group"}.get(detail)
    if kind is None:
        return Decoded(ignored=f"a group's {detail or 'change'}: nothing about a customer")
    people = [one for one in _members(content) if EXTERNAL.fullmatch(one)]
    if not people:
        return Decoded(ignored="a group's change that names no customer")
    chat = {"chat": fields.text(content, "ChatId")[:190]}
    return Decoded(
        events=[
            NewEvent(IdentityKey("external_userid", account.key, one), kind, at, properties=chat)
            for one in dict.fromkeys(people)
        ]
    )


def _members(content: dict[str, Any]) -> list[str]:
    """MemChangeList: items, one item, or a text with commas; older corps send none."""
    found = content.get("MemChangeList")
    items = found.get("Item") if isinstance(found, dict) else found
    if isinstance(items, str):
        items = items.split(",")
    return [one.strip() for one in items if isinstance(one, str)] if isinstance(items, list) else []


def _member(verb: str) -> Callable[[BoundAccount, dict[str, Any], int], Decoded]:
    """News of the directory about one member. Only what changed is there, and often only the ids."""

    def decode_member(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
        userid, new = fields.text(content, "UserID"), fields.text(content, "NewUserID")
        if not userid:
            return Decoded(ignored="news of the directory without UserID")
        departments = [
            part for part in fields.text(content, "Department").split(",") if part.strip().isdigit()
        ]
        status = fields.text(content, "Status")
        change = StaffChange(
            account.key,
            userid,
            # 2 disabled, 5 left: neither works with customers any more
            "left" if verb == "joined" and status in ("2", "5") else "renamed" if new else verb,
            at,
            new_userid=new,
            name=fields.text(content, "Name") or None,
            departments=tuple(int(part) for part in departments) if departments else None,
        )
        return Decoded(staff=[change])

    return decode_member


def _in_range(verb: str) -> Callable[[BoundAccount, dict[str, Any], int], Decoded]:
    """A member came into or went out of the range of the app: FromUserName is the member here."""

    def decode_range(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
        userid = fields.text(content, "FromUserName")
        if not userid or userid.lower() == "sys":
            return Decoded(ignored="news of the app's range without a member")
        return Decoded(staff=[StaffChange(account.key, userid, verb, at)])

    return decode_range


CONTACT, CHAT, TAG = "change_external_contact", "change_external_chat", "change_external_tag"
DIRECTORY = "change_contact"
DIRECTORY_EVENT = f"event.{DIRECTORY}"
EXTERNAL = re.compile(r"w[mo][A-Za-z0-9_-]{18,126}")
"""An external_userid: customers of WeChat and of other corps. A member's userid hardly looks like it."""
TABLE: dict[str, Callable[[BoundAccount, dict[str, Any], int], Decoded]] = {
    f"{CONTACT}.add_external_contact": _added,
    f"{CONTACT}.edit_external_contact": _edited,
    f"{CONTACT}.add_half_external_contact": _half_added,
    f"{CONTACT}.del_external_contact": _deleted_by_staff,
    f"{CONTACT}.del_follow_user": _deleted_staff,
    f"{CONTACT}.transfer_fail": _transfer_failed,
    f"{CONTACT}.msg_audit_approved": _archive_allowed,
    f"{CHAT}.update": _chat_changed,
    f"{TAG}.create": _library,
    f"{TAG}.update": _library,
    f"{TAG}.delete": _library,
    f"{TAG}.shuffle": _library,
    f"{DIRECTORY}.create_user": _member("joined"),
    f"{DIRECTORY}.update_user": _member("joined"),
    f"{DIRECTORY}.delete_user": _member("left"),
    "event.subscribe": _in_range("joined"),
    "event.unsubscribe": _in_range("out_of_range"),
}
DEPARTMENTS = "the tree of departments; the daily poll reads it"
BY_MEMBER = "a member of staff did it in the app, no customer"
IGNORED = {
    f"{CHAT}.create": "a new group; who is in it comes with the members",
    f"{CHAT}.dismiss": "a group ended",
    f"{DIRECTORY}.create_party": DEPARTMENTS,
    f"{DIRECTORY}.update_party": DEPARTMENTS,
    f"{DIRECTORY}.delete_party": DEPARTMENTS,
    f"{DIRECTORY}.update_tag": "tags of members, not of customers",
    "event.batch_job_result": "the end of a directory's import",
    **{
        f"event.{name}": BY_MEMBER
        for name in (
            *("enter_agent", "location", "click", "view", "view_miniprogram", "scancode_push"),
            *("scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select"),
            *("template_card_event", "template_card_menu_event"),
        )
    },
    **{f"message.{name}": BY_MEMBER for name in ("text", "image", "voice", "video", "location", "link")},
}
"""Known, and nothing follows: why."""
