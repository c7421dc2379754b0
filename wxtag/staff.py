"""Members of staff who come, get another userid, or leave; their relations go along.

A directory's callbacks say so, and where an app gets none (self-built apps), the daily poll does. All of it
may be told twice, late, and by both.
"""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag import clock, touch
from wxtag.follow_users import LIVE
from wxtag.models import ApiKey, CorpTag, FollowUser, History, Identity, Mark, Push, RelationTag, Staff

FIRST_READING = "present at the first reading"
"""The origin of a mark for a tag that stood on a relation before we pushed to it: theirs, it seemed."""


def joined(
    session: Session,
    company_id: int,
    corpid: str,
    userid: str,
    name: str | None = None,
    departments: list[int] | None = None,
) -> Staff:
    """This member is there (again); what is not said (None) stays as it was."""
    row = _row(session, company_id, corpid, userid)
    if row is None:
        row = Staff(company_id=company_id, corpid=corpid, userid=userid.lower(), shown=userid)
        session.add(row)
    elif row.status != "active":
        # Pushes that failed while they were gone are worth another try.
        touch.want_push_of(session, _relations(session, company_id, corpid, userid))
    row.status, row.shown = "active", userid
    if name is not None:
        row.name = name[:190]
    if departments is not None:
        row.departments = departments
    session.flush()
    return row


def renamed(session: Session, company_id: int, corpid: str, old: str, new: str) -> set[int]:
    """The member `old` has the userid `new` from now on; returns the customers that it touches.

    Relations, what was pushed on them, marks and API keys follow. Where a reading has made a relation for
    the new userid already, both become one.
    """
    before, after = old.lower(), new.lower()
    if before == after:
        joined(session, company_id, corpid, new)
        return set()
    _rename_member(session, company_id, corpid, before, new)
    session.execute(
        update(ApiKey)
        .where(ApiKey.company_id == company_id, ApiKey.corpid == corpid, ApiKey.userid == before)
        .values(userid=after)
    )
    there = {row.external_userid: row for row in _follow_users(session, company_id, corpid, after)}
    moved = _follow_users(session, company_id, corpid, before)
    for row in moved:
        newer = there.get(row.external_userid)
        if newer is None:
            row.userid, row.shown = after, new
        else:
            _join(session, row, newer)
    session.flush()
    # What failed under a userid that no longer exists goes out now; what was done stays done.
    touch.want_push_of(session, _relations(session, company_id, corpid, new))
    return _customers(session, {row.identity_id for row in moved})


def left(session: Session, company_id: int, corpid: str, userid: str, at: int) -> set[int]:
    """This member is gone: nothing is pushed for them any more, what was stays as history; their keys end.

    Returns the customers that it touches. `at`: when they left, or when it was found out.
    """
    row = _row(session, company_id, corpid, userid)
    if row is not None:
        row.status = "left"
    session.execute(
        update(ApiKey)
        .where(
            ApiKey.company_id == company_id,
            ApiKey.corpid == corpid,
            ApiKey.userid == userid.lower(),
            ApiKey.revoked_at.is_(None),
        )
        .values(revoked_at=clock.now())
    )
    ended = [
        relation
        for relation in _follow_users(session, company_id, corpid, userid.lower())
        if relation.status in (*LIVE, "half") and relation.changed_at <= at
    ]
    for relation in ended:
        relation.status, relation.changed_at, relation.read_at = "staff_left", at, None
    session.execute(
        update(Push)
        .where(Push.follow_user_id.in_([relation.id for relation in ended]))
        .values(state="off", error=None)
    )
    session.flush()
    return _customers(session, {relation.identity_id for relation in ended})


def _rename_member(session: Session, company_id: int, corpid: str, before: str, new: str) -> None:
    old_row = _row(session, company_id, corpid, before)
    new_row = _row(session, company_id, corpid, new)
    if old_row is not None and new_row is not None:
        new_row.name = new_row.name or old_row.name
        new_row.departments = new_row.departments or old_row.departments
        session.delete(old_row)
        session.flush()
    elif old_row is not None:
        old_row.userid = new.lower()
        session.flush()
    joined(session, company_id, corpid, new)


def _join(session: Session, old: FollowUser, new: FollowUser) -> None:
    """Two rows for one relation: the one with the right userid stays, the other one's past goes to it."""
    old_push, new_push = session.get(Push, old.id), session.get(Push, new.id)
    assert old_push is not None and new_push is not None
    new.state, new.remark = new.state or old.state, new.remark if new.remark is not None else old.remark
    new.add_way = new.add_way if new.add_way is not None else old.add_way
    new.added_at = min(new.added_at, old.added_at)
    if old.changed_at > new.changed_at:
        new.status, new.changed_at = old.status, old.changed_at
        new_push.state = old_push.state
    for dependent in (Mark, History):
        session.execute(
            update(dependent).where(dependent.follow_user_id == old.id).values(follow_user_id=new.id)
        )
    ours = _take_over_tags(session, old, new)
    if old_push.intent is not None:
        ours |= set(old_push.intent.get("add", ()))
        new_push.intent = new_push.intent or old_push.intent
    _own(session, new, ours)
    session.delete(old_push)
    session.flush()
    session.delete(old)
    session.flush()


def _take_over_tags(session: Session, old: FollowUser, new: FollowUser) -> set[str]:
    """What we believed of the old row; returns the tags that we had put there."""
    believed = session.scalars(select(RelationTag).where(RelationTag.follow_user_id == old.id)).all()
    ours = {tag.wecom_id for tag in believed if tag.ours}
    known = set(session.scalars(select(RelationTag.wecom_id).where(RelationTag.follow_user_id == new.id)))
    unread = new.read_at is None
    for tag in believed:
        if unread and tag.wecom_id not in known:
            tag.follow_user_id = new.id
        else:
            session.delete(tag)
    if unread and new.status in LIVE:
        new.read_at = old.read_at
    session.flush()
    return ours


def _own(session: Session, relation: FollowUser, ours: set[str]) -> None:
    """These tags on it are ours, though a first reading under the new userid took them for theirs."""
    if not ours:
        return
    session.execute(
        update(RelationTag)
        .where(RelationTag.follow_user_id == relation.id, RelationTag.wecom_id.in_(ours))
        .values(ours=True)
    )
    tags = _our_tags(session, relation, ours)
    by_reading = select(Mark).where(
        Mark.identity_id == relation.identity_id, Mark.source == "wecom", Mark.ended_at.is_(None)
    )
    for mark in session.scalars(by_reading):
        whose = mark.follow_user_id or mark.origin.get("follow_user_id")
        if whose == relation.id and mark.tag_id in tags and mark.origin.get("wecom") == FIRST_READING:
            mark.ended_at = clock.now()


def _our_tags(session: Session, relation: FollowUser, wecom_ids: set[str]) -> set[int | None]:
    return set(
        session.scalars(
            select(CorpTag.tag_id).where(
                CorpTag.company_id == relation.company_id,
                CorpTag.corpid == relation.corpid,
                CorpTag.wecom_id.in_(wecom_ids),
            )
        )
    )


def _row(session: Session, company_id: int, corpid: str, userid: str) -> Staff | None:
    return session.scalar(
        select(Staff).where(
            Staff.company_id == company_id, Staff.corpid == corpid, Staff.userid == userid.lower()
        )
    )


def _follow_users(session: Session, company_id: int, corpid: str, folded: str) -> list[FollowUser]:
    return list(
        session.scalars(
            select(FollowUser)
            .where(
                FollowUser.company_id == company_id, FollowUser.corpid == corpid, FollowUser.userid == folded
            )
            .order_by(FollowUser.id)
        )
    )


def _relations(session: Session, company_id: int, corpid: str, userid: str) -> list[int]:
    return [row.id for row in _follow_users(session, company_id, corpid, userid.lower())]


def _customers(session: Session, identity_ids: Iterable[int]) -> set[int]:
    return set(session.scalars(select(Identity.customer_id).where(Identity.id.in_(set(identity_ids)))))
