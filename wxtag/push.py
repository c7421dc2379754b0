"""Pushes wanted minus ours: one mark_tag for each relation that differs, nothing where nothing changed."""

import logging
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag import clock, corp_library, touch
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.bindings import mended, tell_admin
from wxtag.companies import opened
from wxtag.database import reading, writing
from wxtag.errors import PlatformError
from wxtag.events.decoded import Question
from wxtag.leases import Held, lease
from wxtag.models import Account, CorpTag, FollowUser, Lookup, Push, RelationTag
from wxtag.platforms import WeCom, client
from wxtag.platforms.codes import UnknownTag
from wxtag.platforms.parallel import run_writes
from wxtag.push_results import ABOUT_ONE_MEMBER, Sending, TagPush, failed, settle, states
from wxtag.tags.effective import wanted

BATCH = 100
LEASE_MS = 30_000
"""Renewed with every answer: WeCom is given 13 s for one."""
SENDING_MS = 60_000
"""When its sender died, a relation is due again after so long."""
UNREAD_MS = 10_000
"""How long a relation that was never read waits for its reading, which makes it due at once."""
log = logging.getLogger(__name__)

__all__ = ["TagPush", "due_corps", "push_corp", "states"]


@dataclass
class Plan:
    """What one batch has to send, and the relations where there is nothing to send."""

    sendings: list[Sending] = field(default_factory=list)
    looked_at: int = 0


def due_corps(session: Session) -> list[tuple[int, str]]:
    """(company, corp) of everyone with a push that is due, or a library to bring into step."""
    now = clock.now()
    pushes = select(Push.company_id, Push.corpid).where(Push.state == "waiting", Push.next_try_at <= now)
    libraries = select(Lookup.company_id, Lookup.subject).where(
        Lookup.kind == touch.LIBRARY, Lookup.state == "waiting", Lookup.next_try_at <= now
    )
    return sorted({(row[0], row[1]) for row in session.execute(pushes.union(libraries))})


def push_corp(company_id: int, corpid: str, until: float = float("inf")) -> int:
    """Works off what is due for one corp until `until` (monotonic seconds); returns how many were looked at.

    One process a corp at a time (a lease), so that "at most N at once, never two for one customer" is
    kept by one pool.
    """
    with lease(f"push:{company_id}:{corpid}", LEASE_MS) as held:
        if held is None:
            return 0
        account = _account(company_id, corpid)
        if account is None:
            _off(company_id, corpid)
            return 0
        wecom = client(account)
        assert isinstance(wecom, WeCom)
        try:
            corp_library.bring_into_step(company_id, account, wecom)
        except PlatformError as error:
            log.warning("the tag library of %s cannot be brought into step: %s", corpid, error)
            corp_library.put_off(company_id, account.key, error)
            if error.action == "tell_admin":
                tell_admin(account.id, error)
            if error.wait >= 60 or error.action == "tell_admin":
                return 0
        done = 0
        while held.renew() and clock.monotonic() < until:
            plan = _plan(company_id, corpid, account)
            done += plan.looked_at
            if not plan.sendings:
                if plan.looked_at < BATCH:
                    return done
                continue
            if not _send(account, wecom, plan.sendings, held):
                return done
        return done


def _send(account: BoundAccount, wecom: WeCom, sendings: list[Sending], held: Held) -> bool:
    """Sends one batch; says whether it makes sense to go on."""
    go_on, answered = True, False

    def mark(one: Sending) -> None:
        wecom.mark_tag(one.userid, one.external_userid, one.add, one.remove)

    results = run_writes(sendings, lambda one: one.external_userid, mark, core().settings.wecom_parallel)
    for one, result in results:
        if not held.renew():
            go_on = False
        if not isinstance(result, Exception):
            settle(one)
            answered = True
            continue
        error = result if isinstance(result, PlatformError) else PlatformError(None, repr(result), "wait")
        failed(account, one, error)
        if isinstance(error, UnknownTag) or error.code in ABOUT_ONE_MEMBER:
            continue
        if error.action == "tell_admin":
            tell_admin(account.id, error)
        if error.action == "tell_admin" or error.wait >= 60:
            _pause(one.company_id, one.corpid, error)
            go_on = False
    if answered:
        mended({account.id})
    return go_on


def _account(company_id: int, corpid: str) -> BoundAccount | None:
    """The app through which this corp is written to: the first one that was bound."""
    with reading() as session:
        row = session.scalars(
            select(Account)
            .where(Account.company_id == company_id, Account.kind == "wecom", Account.key == corpid)
            .order_by(Account.id)
            .limit(1)
        ).first()
        return opened(row, core().sealer) if row is not None else None


def _plan(company_id: int, corpid: str, account: BoundAccount) -> Plan:
    """The next relations that are due: what to send, its intent written down before it is sent."""
    now, plan = clock.now(), Plan()
    with writing() as session:
        rows = session.execute(
            select(Push, FollowUser)
            .join(FollowUser, FollowUser.id == Push.follow_user_id)
            .where(
                Push.company_id == company_id,
                Push.corpid == corpid,
                Push.state == "waiting",
                Push.next_try_at <= now,
            )
            .order_by(Push.next_try_at, Push.follow_user_id)
            .limit(BATCH)
        ).all()
        plan.looked_at = len(rows)
        want = wanted(session, company_id, [relation.id for _, relation in rows])
        library = _library(session, company_id, corpid)
        for push, relation in rows:
            if relation.read_at is None:
                # Before the first push it is read: what is there is theirs, and stays.
                question = Question(account.id, "contact", relation.external_userid)
                touch.ask(session, company_id, question, unless_within_ms=UNREAD_MS)
                push.next_try_at = now + UNREAD_MS
                continue
            one = _difference(session, push, relation, want.get(relation.id, set()), library)
            if one is None:
                push.state, push.done_at, push.error = "done", now, None
                push.tries, push.intent = 0, None
                continue
            push.intent = {"add": one.add, "remove": one.remove, "at": now}
            push.next_try_at = now + SENDING_MS
            plan.sendings.append(one)
    return plan


def _difference(
    session: Session, push: Push, relation: FollowUser, want: set[int], library: dict[int, str]
) -> Sending | None:
    there = {
        tag.wecom_id: tag.ours
        for tag in session.scalars(select(RelationTag).where(RelationTag.follow_user_id == relation.id))
    }
    want_ids = {library[tag_id] for tag_id in want if tag_id in library}
    add = sorted(want_ids - set(there))
    remove = sorted(wecom_id for wecom_id, ours in there.items() if ours and wecom_id not in want_ids)
    if not add and not remove:
        return None
    return Sending(
        company_id=relation.company_id,
        corpid=relation.corpid,
        follow_user_id=relation.id,
        userid=relation.shown,
        external_userid=relation.external_userid,
        add=add,
        remove=remove,
        version=push.version,
        tries=push.tries,
    )


def _library(session: Session, company_id: int, corpid: str) -> dict[int, str]:
    """Our tag -> its id in this corp."""
    rows = session.execute(
        select(CorpTag.tag_id, CorpTag.wecom_id)
        .where(
            CorpTag.company_id == company_id,
            CorpTag.corpid == corpid,
            CorpTag.deleted_at.is_(None),
            CorpTag.tag_id.is_not(None),
        )
        .order_by(CorpTag.id.desc())
    )
    return {int(tag_id): wecom_id for tag_id, wecom_id in rows if tag_id is not None}


def _pause(company_id: int, corpid: str, error: PlatformError) -> None:
    """The whole corp waits: its limit is used up, or an admin has to do something first."""
    wait = max(error.wait, 60.0)
    with writing() as session:
        session.execute(
            update(Push)
            .where(
                Push.company_id == company_id,
                Push.corpid == corpid,
                Push.state == "waiting",
                Push.next_try_at < clock.now() + int(wait * 1000),
            )
            .values(next_try_at=clock.now() + int(wait * 1000))
        )


def _off(company_id: int, corpid: str) -> None:
    """No app of this corp is bound: nothing can be pushed."""
    values: dict[str, Any] = {"state": "failed", "error": "no app of this corp is bound"}
    with writing() as session:
        session.execute(
            update(Push)
            .where(Push.company_id == company_id, Push.corpid == corpid, Push.state == "waiting")
            .values(**values)
        )
