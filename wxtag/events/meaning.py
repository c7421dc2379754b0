"""The one table of decoders: which function reads a message of which source."""

from collections.abc import Callable
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import (
    answers,
    fields,
    imported,
    migrated,
    mini_program,
    oauth,
    official_account,
    privacy,
    wechat,
    wecom,
)
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
    ("import", "contact"): imported.contact,
    ("import", "fan"): answers.user_info,
    ("import", "fan_gone"): imported.fan_gone,
    ("migration", "migrated"): migrated.migrated,
    ("mini", "login"): mini_program.login,
    ("mini", "phone"): mini_program.phone,
    ("mini", "events"): mini_program.events,
    ("oauth", "login"): oauth.login,
}
EVENTS: dict[str, frozenset[str]] = {
    "official_account": frozenset(
        {*official_account.TABLE, *official_account.BY_NAME, *official_account.IGNORED}
    ),
    "mini_program": frozenset({*mini_program.TABLE, *mini_program.BY_NAME, *mini_program.IGNORED}),
    "wecom": frozenset({*wecom.TABLE, *wecom.IGNORED}),
}
"""Every event that we know by name, also those from which nothing follows."""
PERSONS = ("ExternalUserID", "openid", "subject")
"""Where a message names the person it is about, if not by FromUserName."""
OF_NOBODY = frozenset(
    {*wechat.ACCOUNT_EVENTS, *mini_program.IGNORED, "event.masssendjobfinish", "event.batch_job_result"}
)
"""Sent by the platform's own sender: FromUserName is nobody."""


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
    name = wecom.event_name(content) if account.kind == "wecom" else wechat.event_name(content)
    return name[:64]


def person_of(content: dict[str, Any]) -> str:
    """Whom a message is about, for ordering and for erasing; "" for nobody.

    News of a corp's directory is one line of its own: a rename and a leaving must not pass each other.
    """
    for name in PERSONS:
        person = fields.text(content, name)
        if person:
            return person
    event = wechat.event_name(content)
    if event in privacy.TABLE:
        return privacy.person(content)
    if event == wecom.DIRECTORY_EVENT:
        return wecom.DIRECTORY
    sender = fields.text(content, "FromUserName")
    return "" if sender.lower() == "sys" or event in OF_NOBODY else sender
