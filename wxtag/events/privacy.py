"""What people say about their own data, through WeChat: profile cleaned, a field withdrawn, account closed.

https://developers.weixin.qq.com/miniprogram/dev/server/event_push/platform/authorized_user_information_changes
FromUserName is the platform's sender in these events; the person is OpenID, which may be missing.
"""

from collections.abc import Callable
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, Erasure, IdentityKey, Question, Withdrawal, identity

NAME, PHONE, PLACE = "name", "phone", "place"
FIELDS = {
    # Official Accounts and their pages
    "201": ("address",),
    "202": ("invoice",),
    "203": ("card",),
    "204": ("microphone",),
    "205": (NAME, "avatar"),
    "206": (PLACE,),
    "207": ("picture",),
    # mini-programs
    "1": ("plate",),
    "2": ("address",),
    "3": ("invoice",),
    "4": ("bluetooth",),
    "5": ("microphone",),
    "6": (NAME, "avatar"),
    "7": ("camera",),
    "8": (PHONE,),
    "12": ("steps",),
    "13": (PLACE,),
    "14": ("picture",),
    "15": ("file",),
    "16": ("email",),
    "18": (PLACE,),
    "19": (NAME,),
    "20": ("avatar",),
}
"""RevokeInfo -> our names of the fields that it takes away."""
EVERYTHING = tuple(sorted({name for names in FIELDS.values() for name in names}))
"""For a code that we do not know (301 is "all authorisation"): rather too much than too little."""


def modified(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """The platform cleaned somebody's name and picture: forget ours, and ask for the new one."""
    who = _person(account, content)
    if who is None:
        return _of_nobody()
    decoded = Decoded(withdrawals=[Withdrawal(who, (NAME, "avatar"), at)])
    if account.kind == "official_account":
        decoded.questions.append(Question(account.id, "user_info", who.value))
    return decoded


def revoked(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """RevokeInfo names what was withdrawn; several codes come separated by something."""
    who = _person(account, content)
    if who is None:
        return _of_nobody()
    found = fields.text(content, "RevokeInfo")
    codes = "".join(c if c.isdigit() else " " for c in found).split()
    names = {name for code in codes or ["?"] for name in FIELDS.get(code, EVERYTHING)}
    return Decoded(withdrawals=[Withdrawal(who, tuple(sorted(names)), at)])


def cancelled(account: BoundAccount, content: dict[str, Any], _at: int) -> Decoded:
    """The person closed their WeChat account."""
    who = _person(account, content)
    return _of_nobody() if who is None else Decoded(erasures=[Erasure(who)])


def person(content: dict[str, Any]) -> str:
    """The openid that such an event is about; official samples bear keys with a blank in front."""
    return fields.text({key.strip(): value for key, value in content.items()}, "OpenID")


TABLE: dict[str, Callable[[BoundAccount, dict[str, Any], int], Decoded]] = {
    "event.user_info_modified": modified,
    "event.user_authorization_revoke": revoked,
    "event.user_authorization_cancellation": cancelled,
}


def _person(account: BoundAccount, content: dict[str, Any]) -> IdentityKey | None:
    return identity("openid", account.key, person(content))


def _of_nobody() -> Decoded:
    return Decoded(ignored="a privacy event without OpenID: it does not say whose")
