"""How a push of WeChat is looked up: the same way for Official Accounts and mini-programs."""

from collections.abc import Callable, Mapping
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, IdentityKey

BySender = Callable[[BoundAccount, IdentityKey, dict[str, Any], int, str], Decoded]
"""Reads an event of the person in FromUserName."""
ByName = Callable[[BoundAccount, dict[str, Any], int], Decoded]
"""Reads an event that names its person elsewhere: FromUserName is the platform's sender."""

VERIFICATION = "about the account's verification, no customer"
OPERATION = "about the account, no customer"
ACCOUNT_EVENTS = {
    "event.debug_demo": "a test of the platform's console",
    "action.checkcontainerpath": "a test of the platform's console",
    "event.qualification_verify_success": VERIFICATION,
    "event.qualification_verify_fail": VERIFICATION,
    "event.naming_verify_success": VERIFICATION,
    "event.naming_verify_fail": VERIFICATION,
    "event.annual_renew": VERIFICATION,
    "event.verify_expired": VERIFICATION,
}
"""Known, and nothing follows: why."""


def read(
    account: BoundAccount,
    content: dict[str, Any],
    received_at: int,
    datum: str,
    by_sender: Mapping[str, BySender],
    by_name: Mapping[str, ByName],
    ignored: Mapping[str, str],
) -> Decoded:
    """The meaning of one push; what no table knows is ignored by its name."""
    name, at = event_name(content), fields.happened_at(content, received_at)
    if name in by_name:
        return by_name[name](account, content, at)
    if name not in by_sender:
        return Decoded(ignored=ignored.get(name, name))
    who = fields.required("openid", account.key, content, "FromUserName")
    return by_sender[name](account, who, content, at, datum)


def event_name(content: dict[str, Any]) -> str:
    """`message.text` or `event.subscribe`: the platform's name, case folded as its own SDKs do."""
    kind = fields.text(content, "MsgType").lower()
    if kind == "event":
        return f"event.{fields.text(content, 'Event').lower()}"
    action = fields.text(content, "action").lower()
    return f"action.{action}" if action and not kind else f"message.{kind}"
