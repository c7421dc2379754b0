"""What a customer looks like to one who asks: ids, contacts, tags with their reasons and their push."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import push
from wxtag.apikeys import Caller
from wxtag.app import core
from wxtag.customers import own_relations
from wxtag.identities import PHONE
from wxtag.models import Customer, FollowUser, Identity, Tag, TagGroup
from wxtag.sealing import masked_phone
from wxtag.tags import effective


def cards(session: Session, caller: Caller, customer_ids: list[int]) -> list[dict[str, Any]]:
    """These customers as contract §5 shows them, in this order; times in milliseconds."""
    names = dict(
        session.execute(select(Customer.id, Customer.name).where(Customer.id.in_(customer_ids))).all()
    )
    follow_users = _follow_users(session, caller, customer_ids)
    identities = _identities(session, caller, customer_ids)
    given = effective.tags_of(session, caller.company_id, customer_ids)
    described = _described(session, {one.tag_id for tags in given.values() for one in tags})
    pushes = push.states(session, caller.company_id, [one for one in given if given[one]])
    return [
        {
            "id": customer_id,
            "name": names[customer_id],
            "identities": identities.get(customer_id, []),
            "follow_users": [_shown(row) for row in follow_users.get(customer_id, [])],
            "tags": _tags(
                given.get(customer_id, []),
                described,
                follow_users.get(customer_id, []),
                pushes.get(customer_id, []),
            ),
        }
        for customer_id in customer_ids
    ]


def shown_value(row: Identity, caller: Caller) -> str:
    """An id as this caller may see it: a phone whole, or masked."""
    if row.kind != PHONE:
        return row.value
    if row.sealed is None:
        return "****"
    phone = core().sealer.open(row.sealed, PHONE)
    return phone if caller.sees_phones else masked_phone(phone)


def _identities(session: Session, caller: Caller, customer_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in session.scalars(
        select(Identity).where(Identity.customer_id.in_(customer_ids)).order_by(Identity.id)
    ):
        found.setdefault(row.customer_id, []).append(
            {
                "kind": row.kind,
                "scope": row.scope,
                "value": shown_value(row, caller),
                "verified": row.verified,
            }
        )
    return found


def _follow_users(session: Session, caller: Caller, customer_ids: list[int]) -> dict[int, list[FollowUser]]:
    found: dict[int, list[FollowUser]] = {}
    for row, customer_id in session.execute(
        select(FollowUser, Identity.customer_id)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .where(Identity.customer_id.in_(customer_ids), *own_relations(caller))
        .order_by(FollowUser.id)
    ):
        found.setdefault(customer_id, []).append(row)
    return found


def _shown(row: FollowUser) -> dict[str, Any]:
    return {
        "corpid": row.corpid,
        "userid": row.shown,
        "external_userid": row.external_userid,
        "state": row.state,
        "status": row.status,
    }


def _described(session: Session, tag_ids: set[int]) -> dict[int, tuple[str, list[str]]]:
    rows = session.execute(
        select(Tag.id, Tag.name, TagGroup.path)
        .join(TagGroup, TagGroup.id == Tag.group_id)
        .where(Tag.id.in_(tag_ids))
    )
    return {tag_id: (name, path.split("/")) for tag_id, name, path in rows}


def _tags(
    given: list[effective.Given],
    described: dict[int, tuple[str, list[str]]],
    relations: list[FollowUser],
    pushes: list[push.TagPush],
) -> list[dict[str, Any]]:
    """One entry a tag, whatever number of reasons there are and whichever relations they are of."""
    ours = {row.id for row in relations}
    staff = {(row.corpid, row.userid): row.shown for row in relations}
    tags: dict[int, dict[str, Any]] = {}
    for one in given:
        if one.follow_user_id is not None and one.follow_user_id not in ours:
            continue
        name, path = described[one.tag_id]
        tag = tags.setdefault(
            one.tag_id,
            {"id": one.tag_id, "name": name, "path": path, "value": None, "reasons": [], "push": []},
        )
        if one.value is not None:
            tag["value"] = one.value
        tag["reasons"] += [
            {"source": reason.source, "text": reason.text, "since": reason.since} for reason in one.reasons
        ]
    for state in pushes:
        who = (state.corpid, state.userid.lower())
        if state.tag_id in tags and who in staff:
            tags[state.tag_id]["push"].append(
                {"corpid": state.corpid, "userid": staff[who], "state": state.state, "error": state.error}
            )
    return list(tags.values())
