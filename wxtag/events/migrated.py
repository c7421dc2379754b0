"""What an account migration tells: an openid of the old account is now one of the new account."""

from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, NewLink, Profile, Question


def migrated(account: BoundAccount, content: dict[str, Any], at: int, _datum: str) -> Decoded:
    """One pair of https://developers.weixin.qq.com/doc/service/api/usermanage/api_changeopenid

    The old openid cannot be reached any more; whether the new one follows is asked.
    """
    new = fields.required("openid", account.key, content, "subject")
    old = fields.required("openid", fields.text(content, "from_appid"), content, "from_openid")
    return Decoded(
        links=[NewLink(old, new, "migration")],
        profiles=[Profile(old, active=False, at=at)],
        questions=[Question(account.id, "user_info", new.value)],
    )
