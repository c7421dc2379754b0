"""What the rows of a first import mean; they go down the same line as callbacks."""

from dataclasses import replace
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import answers, fields
from wxtag.events.decoded import Decoded, Profile


def contact(account: BoundAccount, content: dict[str, Any], asked_at: int, datum: str) -> Decoded:
    """One (member, customer) of https://developer.work.weixin.qq.com/document/path/92994

    It is a reading of the tags of this one relation, and says nothing of the customer's other relations.
    Its tags are bare ids, personal ones are left out: just what can be marked.
    """
    row = fields.part(content, "answer")
    relation = dict(fields.part(row, "follow_info"))
    ids = relation.pop("tag_id", None)
    relation["tags"] = [
        {"tag_id": one, "type": answers.MARKABLE[0]} for one in (ids if isinstance(ids, list) else [])
    ]
    answer = {"external_contact": fields.part(row, "external_contact"), "follow_user": [relation]}
    whole = answers.contact(account, {**content, "answer": answer}, asked_at, datum)
    return replace(whole, all_relations=[])


def fan_gone(account: BoundAccount, content: dict[str, Any], asked_at: int, _datum: str) -> Decoded:
    """It stood in the list of fans, and the platform told nothing of it: it unfollowed just then."""
    who = fields.required("openid", account.key, content, "subject")
    return Decoded(profiles=[Profile(who, active=False, at=asked_at)])
