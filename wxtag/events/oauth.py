"""What web authorisation tells: who opened a page of ours inside WeChat.

https://developers.weixin.qq.com/doc/service/guide/h5/auth.html
"""

from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, NewEvent, NewLink, Profile, Question, identity


def login(account: BoundAccount, content: dict[str, Any], received_at: int, _datum: str) -> Decoded:
    """An openid; after the person's consent also the unionid and the name, else the platform is asked."""
    who = fields.required("openid", account.key, content, "openid")
    decoded = Decoded(events=[NewEvent(who, "identified", received_at)])
    name = fields.text(content, "nickname")
    if name:
        decoded.profiles.append(Profile(who, name=name, at=received_at))
    unionid = identity("unionid", account.open_platform, fields.text(content, "unionid"))
    if unionid is not None:
        decoded.links.append(NewLink(who, unionid, "oauth"))
    else:
        decoded.questions.append(Question(account.id, "user_info", who.value))
    return decoded
