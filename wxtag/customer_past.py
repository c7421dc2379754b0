"""What a customer did, and how their tags and ids changed: newest first, page by page."""

from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from wxtag.apikeys import Caller
from wxtag.customer_cards import shown_value
from wxtag.customers import own_relations
from wxtag.errors import InputError
from wxtag.events.vocabulary import BY_NAME
from wxtag.models import Event, FollowUser, History, Identity, Merge, Tag
from wxtag.tags.decisions import former_ids


def events(
    session: Session, caller: Caller, customer_id: int, before: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Events by the time at which they happened, in milliseconds. Raises InputError for a bad cursor."""
    wanted = (
        select(Event, Identity)
        .join(Identity, Identity.id == Event.identity_id)
        .where(Event.company_id == caller.company_id, Identity.customer_id == customer_id)
        .order_by(Event.at.desc(), Event.id.desc())
        .limit(limit + 1)
    )
    if before:
        at, number = _place(before)
        wanted = wanted.where(or_(Event.at < at, and_(Event.at == at, Event.id < number)))
    rows = session.execute(wanted).all()
    items = [_event(event, owner, caller) for event, owner in rows[:limit]]
    last = rows[limit - 1][0] if len(rows) > limit else None
    return items, f"{last.at}.{last.id}" if last else None


def history(
    session: Session, caller: Caller, customer_id: int, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """What changed, also about those who became this customer."""
    selves = former_ids(session, caller.company_id, [customer_id])
    wanted = (
        select(History, Tag.name, FollowUser)
        .outerjoin(Tag, Tag.id == History.tag_id)
        .outerjoin(FollowUser, FollowUser.id == History.follow_user_id)
        .where(History.company_id == caller.company_id, History.customer_id.in_(selves))
        .order_by(History.id.desc())
        .limit(limit + 1)
    )
    if before is not None:
        wanted = wanted.where(History.id < before)
    if not caller.sees_everyone:
        wanted = wanted.where(or_(History.follow_user_id.is_(None), and_(*own_relations(caller))))
    rows = session.execute(wanted).all()
    items = [
        {
            "id": row.id,
            "verb": row.verb,
            "text": row.text,
            "tag": {"id": row.tag_id, "name": tag_name or ""} if row.tag_id is not None else None,
            "corpid": relation.corpid if relation else None,
            "userid": relation.shown if relation else None,
            "merge": _merge_of(session, row),
            "actor": row.actor,
            "time": row.at,
        }
        for row, tag_name, relation in rows[:limit]
    ]
    return items, str(items[-1]["id"]) if len(rows) > limit else None


def merge_between(session: Session, survivor: int, other: int) -> int | None:
    """The newest merge that joined these two and stands, for undoing it."""
    return session.scalars(
        select(Merge.id)
        .where(
            Merge.survivor_id == survivor,
            Merge.other_id == other,
            Merge.verb == "merge",
            Merge.undone_at.is_(None),
        )
        .order_by(Merge.id.desc())
        .limit(1)
    ).first()


def _event(event: Event, owner: Identity, caller: Caller) -> dict[str, Any]:
    kind = BY_NAME.get(event.kind)
    return {
        "id": event.id,
        "kind": event.kind,
        "text": kind.text if kind else event.kind,
        "time": event.at,
        "identity": {"kind": owner.kind, "scope": owner.scope, "value": shown_value(owner, caller)},
        "channel": event.channel,
        "place": event.place,
        "properties": event.properties,
    }


def _merge_of(session: Session, row: History) -> int | None:
    if row.verb != "merged":
        return None
    return merge_between(session, int(row.details.get("survivor", 0)), int(row.details.get("other", 0)))


def _place(cursor: str) -> tuple[int, int]:
    at, _, number = cursor.partition(".")
    if not (at.isdigit() and number.isdigit() and len(at) < 18 and len(number) < 18):
        raise InputError("cursor is not one that this list gave: leave it out to begin again")
    return int(at), int(number)
