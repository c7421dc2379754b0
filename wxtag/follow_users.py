"""The rows of follow_users, found and made for a whole batch of messages at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.events.decoded import Relation
from wxtag.models import FollowUser, Identity, Push, Staff

LIVE = ("active", "deleted_by_customer")
"""Relations whose tags can be marked: one that only the customer ended still stands on our side."""
ENDED = ("deleted_by_staff", "transferred", "staff_left")


def place(one: Relation | FollowUser) -> tuple[str, str, str]:
    """The key of a relation: userids compare without case."""
    return one.corpid, one.userid.lower(), one.external_userid


def of_contacts(session: Session, company_id: int, externals: Mapping[str, set[str]]) -> list[FollowUser]:
    """All relations of these contacts, named by corpid and external_userid."""
    return [
        row
        for corpid, values in externals.items()
        for row in rows.having(
            session,
            FollowUser,
            FollowUser.external_userid,
            values,
            FollowUser.company_id == company_id,
            FollowUser.corpid == corpid,
        )
    ]


def make(session: Session, company_id: int, new: Sequence[tuple[Identity, Relation]]) -> None:
    """Rows for relations that nobody knew, with their pushes and members of staff."""
    rows.add_all(
        session,
        FollowUser,
        [
            {
                "company_id": company_id,
                "corpid": news.corpid,
                "userid": news.userid.lower(),
                "shown": news.userid,
                "external_userid": news.external_userid,
                "identity_id": identity.id,
                "status": news.status or "active",
                "added_at": news.added_at or news.at,
            }
            for identity, news in new
        ],
    )
    made = (
        select(FollowUser.id, FollowUser.corpid, FollowUser.status)
        .outerjoin(Push, Push.follow_user_id == FollowUser.id)
        .where(FollowUser.company_id == company_id, Push.follow_user_id.is_(None))
    )
    now = clock.now()
    pushes = [
        {
            "company_id": company_id,
            "follow_user_id": follow_user_id,
            "corpid": corpid,
            "state": "waiting" if status in LIVE else "off",
            "changed_at": now,
        }
        for some in rows.chunks(identity.id for identity, _ in new)
        for follow_user_id, corpid, status in session.execute(made.where(FollowUser.identity_id.in_(some)))
    ]
    rows.add_all(session, Push, pushes)
    _meet_staff(session, company_id, [news for _, news in new])


def _meet_staff(session: Session, company_id: int, new: Sequence[Relation]) -> None:
    """Rows for members of staff who were not known."""
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for news in new:
        shown[news.corpid].setdefault(news.userid.lower(), news.userid)
    for corpid, members in shown.items():
        theirs = (Staff.company_id == company_id, Staff.corpid == corpid)
        for known in rows.having(session, Staff, Staff.userid, members, *theirs):
            del members[known.userid]
        session.add_all(
            Staff(company_id=company_id, corpid=corpid, userid=userid, shown=name)
            for userid, name in members.items()
        )
