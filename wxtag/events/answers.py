"""What the platforms' answers to our questions mean; they go down the same line as callbacks."""

from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.errors import InputError
from wxtag.events import fields
from wxtag.events.decoded import AllRelations, Decoded, NewLink, Profile, Refusal, Relation, identity

ANOTHER_ACCOUNTS = (40003, 49003)
"""Codes that say: this openid is not one of this account."""
MARKABLE = (1, 3)
"""Types of tags that have an id: corp tags and rule-group tags. Personal ones (2) have none."""


def user_info(account: BoundAccount, content: dict[str, Any], asked_at: int, _datum: str) -> Decoded:
    """https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_userinfo"""
    answer = _answer(content)
    who = fields.required("openid", account.key, content, "subject")
    follows = str(answer.get("subscribe", "")) == "1"
    name = fields.text(answer, "nickname") or None
    decoded = Decoded(profiles=[Profile(who, name=name, active=follows, at=asked_at)])
    unionid = identity("unionid", account.open_platform, fields.text(answer, "unionid"))
    if unionid is not None:
        decoded.links.append(NewLink(who, unionid, "user_info"))
    return decoded


def contact(account: BoundAccount, content: dict[str, Any], asked_at: int, _datum: str) -> Decoded:
    """https://developer.work.weixin.qq.com/document/path/92114"""
    answer = _answer(content)
    who = fields.required("external_userid", account.key, content, "subject")
    person = fields.part(answer, "external_contact")
    relations = [
        relation
        for one in fields.parts(answer, "follow_user")
        if (relation := _relation(account, who.value, one, asked_at)) is not None
    ]
    decoded = Decoded(
        profiles=[Profile(who, name=fields.text(person, "name") or None, active=True, at=asked_at)],
        relations=relations,
        all_relations=[AllRelations(account.key, who.value, asked_at)],
    )
    unionid = identity("unionid", account.open_platform, fields.text(person, "unionid"))
    if unionid is not None:
        decoded.links.append(NewLink(who, unionid, "contact"))
    return decoded


def contact_gone(account: BoundAccount, content: dict[str, Any], asked_at: int, _datum: str) -> Decoded:
    """84061: nobody of the corp has this contact any more (or nobody in the app's range)."""
    who = fields.required("external_userid", account.key, content, "subject")
    return Decoded(
        profiles=[Profile(who, active=False, at=asked_at)],
        all_relations=[AllRelations(account.key, who.value, asked_at)],
    )


def user_gone(account: BoundAccount, content: dict[str, Any], _asked_at: int, _datum: str) -> Decoded:
    """The platform does not know this openid (any more). One of another account goes to review."""
    who, code = fields.required("openid", account.key, content, "subject"), fields.part(content, "answer")
    if code.get("errcode") in ANOTHER_ACCOUNTS:
        return Decoded(refusals=[Refusal(who, code["errcode"])])
    return Decoded(ignored="an openid that the platform does not know")


def _answer(content: dict[str, Any]) -> dict[str, Any]:
    """Raises InputError: an answer that says nothing must not look like one that names no relation."""
    answer = content.get("answer")
    if not isinstance(answer, dict) or not answer:
        raise InputError(f"answer is {type(answer).__name__}: expected what the platform said, an object")
    return answer


def _relation(account: BoundAccount, external: str, one: dict[str, Any], asked_at: int) -> Relation | None:
    userid = fields.text(one, "userid")
    if not userid:
        return None
    added = fields.number(one, "createtime")
    way = fields.number(one, "add_way")
    return Relation(
        account.key,
        userid,
        external,
        status="active",
        state=fields.text(one, "state") or None,
        add_way=int(way) if way is not None else None,
        remark=fields.text(one, "remark"),
        added_at=int(added * 1000) if added else None,
        at=asked_at,
        tags=tuple(
            fields.text(tag, "tag_id")
            for tag in fields.parts(one, "tags")
            if fields.number(tag, "type") in MARKABLE and fields.text(tag, "tag_id")
        ),
    )
