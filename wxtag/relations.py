"""Keeps who has whom as a contact, and what a reading of a relation's tags tells: ours, theirs, by hand."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, marks, touch
from wxtag.events.decoded import AllRelations, Relation
from wxtag.models import CorpTag, FollowUser, Identity, Push, RelationTag, Staff, Tag

LIVE = ("active", "deleted_by_customer")
"""Relations whose tags can be marked: one that only the customer ended still stands on our side."""


def note(session: Session, company_id: int, identity: Identity, news: Relation) -> bool:
    """Takes in what a message says of one relation; says whether anything changed for its tags."""
    folded = news.userid.lower()
    row = session.scalar(
        select(FollowUser).where(
            FollowUser.company_id == company_id,
            FollowUser.corpid == news.corpid,
            FollowUser.userid == folded,
            FollowUser.external_userid == news.external_userid,
        )
    )
    made = row is None
    if row is None:
        row = _make(session, company_id, identity, news, folded)
    before = row.status
    _update(row, news)
    changed = made or row.status != before
    if row.status != before or made:
        _follow_status(session, row)
    if news.tags is not None:
        changed |= _read_tags(session, row, news.tags, news.at)
    session.flush()
    return changed


def end_others(
    session: Session, company_id: int, everything: AllRelations, named: list[Relation]
) -> set[int]:
    """Ends the relations of a customer that a full answer of the platform no longer names."""
    still = {
        relation.userid.lower()
        for relation in named
        if relation.external_userid == everything.external_userid
    }
    touched: set[int] = set()
    rows = session.execute(
        select(FollowUser, Identity.customer_id)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .where(
            FollowUser.company_id == company_id,
            FollowUser.corpid == everything.corpid,
            FollowUser.external_userid == everything.external_userid,
        )
    )
    for row, customer_id in rows:
        if row.userid in still or row.status not in LIVE or row.changed_at > everything.at:
            continue
        row.status, row.changed_at = "deleted_by_staff", everything.at
        _follow_status(session, row)
        touched.add(customer_id)
    session.flush()
    return touched


def _make(session: Session, company_id: int, identity: Identity, news: Relation, folded: str) -> FollowUser:
    row = FollowUser(
        company_id=company_id,
        corpid=news.corpid,
        userid=folded,
        shown=news.userid,
        external_userid=news.external_userid,
        identity_id=identity.id,
        status=news.status or "active",
        added_at=news.added_at or news.at,
    )
    session.add(row)
    session.flush()
    session.add(
        Push(
            follow_user_id=row.id,
            company_id=company_id,
            corpid=news.corpid,
            state="waiting" if row.status in LIVE else "off",
            changed_at=clock.now(),
        )
    )
    known = select(Staff.id).where(
        Staff.company_id == company_id, Staff.corpid == news.corpid, Staff.userid == folded
    )
    if session.scalar(known) is None:
        session.add(Staff(company_id=company_id, corpid=news.corpid, userid=folded, shown=news.userid))
    session.flush()
    return row


def _update(row: FollowUser, news: Relation) -> None:
    """The newest news wins; a full reading does not bring back what the customer ended after being added."""
    if news.state is not None:
        row.state = news.state
    if news.add_way is not None:
        row.add_way = news.add_way
    if news.remark is not None:
        row.remark = news.remark
    if news.added_at:
        row.added_at = news.added_at
    if news.status is None or news.at < row.changed_at:
        return
    reading = news.tags is not None
    ended_since = row.status == "deleted_by_customer" and row.changed_at >= (news.added_at or 0)
    if reading and ended_since:
        # WeCom answers as before when it was the customer who ended the friendship: the answer is no news.
        return
    row.status, row.changed_at = news.status, news.at


def _follow_status(session: Session, row: FollowUser) -> None:
    """Pushes begin and end with the relation; a new friendship is read before its first push."""
    session.flush()
    push = session.get(Push, row.id)
    assert push is not None
    if row.status not in LIVE:
        push.state, push.error = "off", None
        row.read_at = None
        for tag in session.scalars(select(RelationTag).where(RelationTag.follow_user_id == row.id)):
            session.delete(tag)
    elif push.state == "off":
        push.state, push.tries, push.next_try_at = "waiting", 0, 0
        push.version += 1


def _read_tags(session: Session, row: FollowUser, there: tuple[str, ...], at: int) -> bool:
    """Compares a reading with what we believed. `at` is when it was asked: what we did later stands.

    New on it: staff or another program put it there, and it is theirs. Gone although we put it: staff took
    it off, which is a veto. What we were sending when a connection broke is told apart by the intent.
    """
    push = session.get(Push, row.id)
    assert push is not None
    intent = push.intent or {"add": [], "remove": []}
    believed = {
        tag.wecom_id: tag
        for tag in session.scalars(select(RelationTag).where(RelationTag.follow_user_id == row.id))
    }
    first, now, changed = row.read_at is None, clock.now(), False
    if push.intent is not None and push.intent.get("at", 0) > at:
        # Asked before the push that may or may not have happened: says nothing about it. Asked again later.
        return False
    for wecom_id in there:
        if wecom_id in believed:
            continue
        ours = wecom_id in intent["add"]
        session.add(
            RelationTag(
                company_id=row.company_id, follow_user_id=row.id, wecom_id=wecom_id, ours=ours, at=now
            )
        )
        if not ours:
            what = "present at the first reading" if first else "put on in the client"
            changed |= _by_hand(session, row, wecom_id, marks.put, what)
    for wecom_id, tag in believed.items():
        if wecom_id in there or tag.at > at:
            continue
        session.delete(tag)
        if wecom_id not in intent["remove"]:
            changed |= _by_hand(session, row, wecom_id, marks.take_off, "taken off in the client")
    if first or push.intent is not None:
        push.next_try_at = 0  # it waited for just this
    row.read_at = now
    session.flush()
    touch.want_push_of(session, [row.id])
    return changed


def _our_tag(session: Session, row: FollowUser, wecom_id: str) -> int | None:
    """Our tag that this one of the corp stands for; one that left the library takes no marks any more."""
    return session.scalar(
        select(CorpTag.tag_id)
        .join(Tag, Tag.id == CorpTag.tag_id)
        .where(
            CorpTag.company_id == row.company_id,
            CorpTag.corpid == row.corpid,
            CorpTag.wecom_id == wecom_id,
            Tag.retired_at.is_(None),
        )
    )


def _by_hand(
    session: Session, row: FollowUser, wecom_id: str, act: Callable[..., marks.Marked], what: str
) -> bool:
    """Keeps what staff did in the client with a tag that stands for one of ours; says whether it does."""
    tag_id = _our_tag(session, row, wecom_id)
    if tag_id is None:
        return False
    customer_id = session.scalars(select(Identity.customer_id).where(Identity.id == row.identity_id)).one()
    act(
        session,
        row.company_id,
        customer_id,
        tag_id,
        actor=row.shown,
        source="wecom",
        follow_user_id=row.id,
        origin={"wecom": what},
    )
    return True
