"""The one table of decoders: which function reads a message of which source."""

from collections.abc import Callable
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import answers, fields, mini_program, official_account, wecom
from wxtag.events.decoded import Decoded

Decoder = Callable[[BoundAccount, dict[str, Any], int, str], Decoded]

CALLBACKS: dict[str, Decoder] = {
    "official_account": official_account.decode,
    "mini_program": mini_program.decode,
    "wecom": wecom.decode,
}
OURS: dict[tuple[str, str], Decoder] = {
    ("lookup", "user_info"): answers.user_info,
    ("lookup", "contact"): answers.contact,
    ("lookup", "contact_gone"): answers.contact_gone,
    ("lookup", "user_info_gone"): answers.user_gone,
    ("mini", "login"): mini_program.login,
    ("mini", "phone"): mini_program.phone,
    ("mini", "events"): mini_program.events,
}
PERSONS = ("ExternalUserID", "OpenID", "openid", "subject", "FromUserName")
"""Where a message names the person it is about, in the order of trust: FromUserName may be `sys`."""


def decode(
    source: str, event: str, account: BoundAccount, content: dict[str, Any], at: int, datum: str
) -> Decoded:
    """The meaning of one message; what nobody reads is ignored by its name, and kept."""
    decoder = CALLBACKS[account.kind] if source == "callback" else OURS.get((source, event))
    if decoder is None:
        return Decoded(ignored=f"{source}.{event}")
    return decoder(account, content, at, datum)


def name_of(account: BoundAccount, content: dict[str, Any]) -> str:
    """The platform's own name of a callback, at most 64 characters."""
    name = wecom.event_name(content) if account.kind == "wecom" else official_account.event_name(content)
    return name[:64]


def person_of(content: dict[str, Any]) -> str:
    """Whom a message is about, for ordering and for erasing; "" for nobody."""
    for name in PERSONS:
        person = fields.text(content, name)
        if person and person.lower() != "sys":
            return person
    return ""
