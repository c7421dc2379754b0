"""What follows from the answers to mark_tag: our mirror, the next try, or a question for the truth."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, corp_library, intents, touch
from wxtag.accounts import BoundAccount
from wxtag.errors import PlatformError
from wxtag.events.decoded import Question
from wxtag.models import CorpTag, FollowUser, Identity, Push, RelationTag
from wxtag.platforms.codes import UnknownTag
from wxtag.tags.effective import tags_of, wanted

API = "externalcontact/mark_tag"
NOT_A_CONTACT = 84061
ABOUT_ONE_MEMBER = (60011, 84074)
"""Out of the app's range, or without the right to have customers: an admin's matter, but of one member."""
LONGEST_WAIT = 600.0
"""Seconds between two tries of a push that WeCom goes on not being able to take; it is never given up."""
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
    before: intents.Intent | None
    """What was not proven before this one."""


@dataclass(frozen=True)
class Unsent:
    """It was not sent after all; due again after so many seconds."""

    wait: float


Outcome = tuple[Sending, PlatformError | Unsent | None]
"""None: WeCom said ok."""


@dataclass(frozen=True)
class TagPush:
    """Where one tag stands on one relation."""

    tag_id: int
    corpid: str
    userid: str
    state: str
    """waiting, done, failed or off."""
    error: str | None


def take_in(session: Session, account: BoundAccount, outcomes: Iterable[Outcome]) -> None:
    """Writes down what became of some sendings, in the caller's transaction."""
    found = {one.follow_user_id: (one, outcome) for one, outcome in outcomes}
    rows = select(Push).where(Push.follow_user_id.in_(found)).order_by(Push.follow_user_id).with_for_update()
    pushes = session.scalars(rows.execution_options(populate_existing=True)).all()
    proofs, there = {}, _believed(session, found)
    for push in pushes:
        one, outcome = found[push.follow_user_id]
        if push.state != "waiting":
            continue  # the relation ended meanwhile
        if outcome is None:
            _settle(session, push, one, there[one.follow_user_id])
            proofs[one.corpid, one.external_userid] = intents.PROOF_MS
        elif isinstance(outcome, Unsent):
            push.intent, push.next_try_at = one.before, clock.now() + int(outcome.wait * 1000)
        else:
            _failed(session, account, push, one, outcome)
    session.flush()
    touch.ask_proofs(session, account.company_id, proofs)


def _believed(session: Session, relations: Iterable[int]) -> dict[int, dict[str, RelationTag]]:
    there: dict[int, dict[str, RelationTag]] = defaultdict(dict)
    for tag in session.scalars(select(RelationTag).where(RelationTag.follow_user_id.in_(list(relations)))):
        there[tag.follow_user_id][tag.wecom_id] = tag
    return there


def _settle(session: Session, push: Push, one: Sending, there: dict[str, RelationTag]) -> None:
    """It was done: the mirror says so now, for the API sends no callback. A reading will prove it."""
    now = clock.now()
    for wecom_id in {*one.remove} & there.keys():
        session.delete(there.pop(wecom_id))
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
    push.intent = intents.answered(push.intent or {}, now) if push.intent else None
    push.tries, push.error = 0, None
    if push.version == one.version:
        push.state, push.done_at = "done", now
    else:
        push.next_try_at = push.changed_at = now  # something was wanted anew while this was on its way


def _failed(session: Session, account: BoundAccount, push: Push, one: Sending, error: PlatformError) -> None:
    """By class: wait, ask for the truth, look at the library, or give up on this relation."""
    contact = Question(account.id, "contact", one.external_userid)
    unknown = error.code is None and error.api in ("", API)
    push.error = str(error)[:500]
    if not unknown:
        push.intent = one.before
    if unknown:
        # Nobody knows whether it was done: the intent stays, and the relation is read again.
        push.intent = intents.lost(push.intent, clock.now()) if push.intent else None
        touch.ask(session, one.company_id, contact)
        _later(push, one, 3.0)
    elif isinstance(error, UnknownTag):
        _unknown_tag(session, push, one, error)
    elif error.code == NOT_A_CONTACT:
        touch.ask(session, one.company_id, contact)
        push.state = "failed"
    elif error.action == "give_up" or error.code in ABOUT_ONE_MEMBER:
        push.state = "failed"
    elif error.action == "tell_admin":
        push.next_try_at = clock.now() + 300_000
    else:
        _later(push, one, max(error.wait, 1.0))


def states(session: Session, company_id: int, customer_ids: Collection[int]) -> dict[int, list[TagPush]]:
    """Where each tag of these customers stands on each of their relations."""
    relations = session.execute(
        select(FollowUser, Push, Identity.customer_id)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .join(Push, Push.follow_user_id == FollowUser.id)
        .where(FollowUser.company_id == company_id, Identity.customer_id.in_(customer_ids))
        .order_by(FollowUser.id)
    ).all()
    given = tags_of(session, company_id, customer_ids)
    ids = [relation.id for relation, _, _ in relations]
    want, there = wanted(session, company_id, ids), _there(session, company_id, ids)
    found: dict[int, list[TagPush]] = {customer_id: [] for customer_id in customer_ids}
    for relation, push, customer_id in relations:
        for one in given.get(customer_id, []):
            if one.follow_user_id not in (None, relation.id):
                continue
            if one.tag_id in there[relation.id] and push.state != "off":
                state, error = "done", None
            elif push.state == "off" or one.tag_id not in want[relation.id]:
                # No such friendship any more, a group that is not pushed, or a veto on this relation.
                state, error = "off", None
            else:
                state = "failed" if push.state == "failed" else "waiting"
                error = push.error
            found[customer_id].append(TagPush(one.tag_id, relation.corpid, relation.shown, state, error))
    return found


def _there(session: Session, company_id: int, follow_user_ids: Collection[int]) -> dict[int, set[int | None]]:
    """Relation -> our tags that are on it in WeCom."""
    found = session.execute(
        select(FollowUser.id, CorpTag.tag_id)
        .join(RelationTag, RelationTag.follow_user_id == FollowUser.id)
        .join(CorpTag, (CorpTag.wecom_id == RelationTag.wecom_id) & (CorpTag.corpid == FollowUser.corpid))
        .where(
            FollowUser.company_id == company_id,
            CorpTag.company_id == company_id,
            FollowUser.id.in_(follow_user_ids),
        )
    )
    there: dict[int, set[int | None]] = {one: set() for one in follow_user_ids}
    for follow_user_id, tag_id in found:
        there[follow_user_id].add(tag_id)
    return there


def _unknown_tag(session: Session, push: Push, one: Sending, error: UnknownTag) -> None:
    """40068: drop the id that is named, look at the library, try again at once without it."""
    log.warning("WeCom does not know the tag %s: it is looked for anew", error.tag_id or "(not named)")
    for wecom_id in [error.tag_id] if error.tag_id else [*one.add, *one.remove]:
        corp_library.forget_tag(session, one.company_id, one.corpid, wecom_id)
    push.tries = one.tries + 1
    push.next_try_at = clock.now() + (500 if one.tries < 3 else 30_000)


def _later(push: Push, one: Sending, wait: float) -> None:
    """Waits longer each time."""
    push.tries = one.tries + 1
    seconds = max(wait, min(wait * 2 ** min(one.tries, 10), LONGEST_WAIT))
    push.next_try_at = clock.now() + int(seconds * 1000)
