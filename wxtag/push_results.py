"""What follows from an answer to mark_tag: our mirror, the next try, or a question for the truth."""

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from wxtag import clock, corp_library, touch
from wxtag.accounts import BoundAccount
from wxtag.database import changed, writing
from wxtag.errors import PlatformError
from wxtag.events.decoded import Question
from wxtag.models import CorpTag, FollowUser, Identity, Push, RelationTag
from wxtag.platforms.codes import UnknownTag
from wxtag.tags.effective import tags_of, wanted

MAX_TRIES = 12
NOT_A_CONTACT = 84061
ABOUT_ONE_MEMBER = (60011, 84074)
"""Out of the app's range, or without the right to have customers: an admin's matter, but of one member."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sending:
    """One mark_tag: a relation, what to put on it, what of ours to take off."""

    company_id: int
    corpid: str
    follow_user_id: int
    userid: str
    external_userid: str
    add: list[str]
    remove: list[str]
    version: int
    tries: int


@dataclass(frozen=True)
class TagPush:
    """Where one tag stands on one relation."""

    tag_id: int
    corpid: str
    userid: str
    state: str
    """waiting, done, failed or off."""
    error: str | None


def settle(one: Sending) -> None:
    """It was done: the mirror says so now; the API sends no callback about it."""
    now = clock.now()
    with writing() as session:
        if one.remove:
            session.execute(
                delete(RelationTag).where(
                    RelationTag.follow_user_id == one.follow_user_id, RelationTag.wecom_id.in_(one.remove)
                )
            )
        there = set(
            session.scalars(
                select(RelationTag.wecom_id).where(RelationTag.follow_user_id == one.follow_user_id)
            )
        )
        session.add_all(
            RelationTag(
                company_id=one.company_id,
                follow_user_id=one.follow_user_id,
                wecom_id=wecom_id,
                ours=True,
                at=now,
            )
            for wecom_id in one.add
            if wecom_id not in there
        )
        session.flush()
        finished = {"state": "done", "done_at": now, "intent": None, "error": None, "tries": 0}
        if _update(session, one, finished, one.version) == 0:
            # Something was wanted anew while this was on its way: due at once.
            _update(session, one, {"intent": None, "next_try_at": 0, "tries": 0})


def failed(account: BoundAccount, one: Sending, error: PlatformError) -> None:
    """By class: wait, ask for the truth, look at the library, or give up on this relation."""
    with writing() as session:
        if isinstance(error, UnknownTag):
            _unknown_tag(session, one, error)
        elif error.code is None:
            # Nobody knows whether it was done: the intent stays, and the relation is read again.
            touch.ask(session, one.company_id, Question(account.id, "contact", one.external_userid))
            _later(session, one, error, 3.0, keep_intent=True)
        elif error.code == NOT_A_CONTACT:
            touch.ask(session, one.company_id, Question(account.id, "contact", one.external_userid))
            _give_up(session, one, error)
        elif error.action == "give_up" or error.code in ABOUT_ONE_MEMBER:
            _give_up(session, one, error)
        elif error.action == "tell_admin":
            _later(session, one, error, 300.0, counts=False)
        else:
            _later(session, one, error, max(error.wait, 1.0))


def states(session: Session, company_id: int, customer_id: int) -> list[TagPush]:
    """Where each tag of a customer stands on each of their relations."""
    relations = session.execute(
        select(FollowUser, Push)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .join(Push, Push.follow_user_id == FollowUser.id)
        .where(FollowUser.company_id == company_id, Identity.customer_id == customer_id)
        .order_by(FollowUser.id)
    ).all()
    given = tags_of(session, company_id, [customer_id]).get(customer_id, [])
    want = wanted(session, company_id, [relation.id for relation, _ in relations])
    found = []
    for relation, push in relations:
        there = _there(session, relation)
        for one in given:
            if one.follow_user_id not in (None, relation.id):
                continue
            if one.tag_id in there and push.state != "off":
                state, error = "done", None
            elif push.state == "off" or one.tag_id not in want[relation.id]:
                # No such friendship any more, a group that is not pushed, or a veto on this relation.
                state, error = "off", None
            else:
                state = "failed" if push.state == "failed" else "waiting"
                error = push.error
            found.append(TagPush(one.tag_id, relation.corpid, relation.shown, state, error))
    return found


def _there(session: Session, relation: FollowUser) -> set[int | None]:
    return set(
        session.scalars(
            select(CorpTag.tag_id)
            .join(RelationTag, RelationTag.wecom_id == CorpTag.wecom_id)
            .where(
                RelationTag.follow_user_id == relation.id,
                CorpTag.company_id == relation.company_id,
                CorpTag.corpid == relation.corpid,
            )
        )
    )


def _unknown_tag(session: Session, one: Sending, error: UnknownTag) -> None:
    """40068: drop the id that is named, look at the library, try again at once."""
    log.warning("WeCom does not know the tag %s: it is looked for anew", error.tag_id or "(not named)")
    for wecom_id in [error.tag_id] if error.tag_id else [*one.add, *one.remove]:
        corp_library.forget_tag(session, one.company_id, one.corpid, wecom_id)
        session.execute(
            delete(RelationTag).where(
                RelationTag.company_id == one.company_id, RelationTag.wecom_id == wecom_id, RelationTag.ours
            )
        )
    _later(session, one, error, 0.5 if one.tries < 3 else 30.0)


def _give_up(session: Session, one: Sending, error: PlatformError) -> None:
    values = {"state": "failed", "intent": None, "error": str(error)[:500]}
    _update(session, one, values)


def _later(
    session: Session,
    one: Sending,
    error: PlatformError,
    wait: float,
    keep_intent: bool = False,
    counts: bool = True,
) -> None:
    tries = one.tries + (1 if counts else 0)
    if tries >= MAX_TRIES:
        _give_up(session, one, error)
        return
    backed_off = wait * 2 ** min(tries - 1, 6) if counts and tries else wait
    values: dict[str, Any] = {
        "tries": tries,
        "next_try_at": clock.now() + int(backed_off * 1000),
        "error": str(error)[:500],
    }
    if not keep_intent:
        values["intent"] = None
    _update(session, one, values)


def _update(session: Session, one: Sending, values: dict[str, Any], version: int | None = None) -> int:
    statement = update(Push).where(Push.follow_user_id == one.follow_user_id, Push.state == "waiting")
    if version is not None:
        statement = statement.where(Push.version == version)
    return changed(session, statement.values(**values))
