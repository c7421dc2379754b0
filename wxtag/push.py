"""Pushes wanted minus ours: one mark_tag for each relation that differs, nothing where nothing changed."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from wxtag import clock, corp_library, intents, touch
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.bindings import mended, tell_admin
from wxtag.companies import opened
from wxtag.database import reading, writing
from wxtag.errors import PlatformError, Unavailable
from wxtag.leases import Held, lease
from wxtag.models import Account, Lookup, Push
from wxtag.platforms import WeCom, client
from wxtag.platforms.codes import UnknownTag
from wxtag.platforms.parallel import run_writes
from wxtag.push_plan import BATCH, plan
from wxtag.push_results import ABOUT_ONE_MEMBER, Outcome, Sending, TagPush, Unsent, states, take_in

LEASE_MS = 30_000
"""Renewed with every answer: WeCom is given 13 s for one."""
TRIES = 3
log = logging.getLogger(__name__)

__all__ = ["TagPush", "due_corps", "push_corp", "states"]


@dataclass
class Round:
    """One working off of a corp: what stops it, and what the rest of it should leave out."""

    company_id: int
    account: BoundAccount
    wecom: WeCom
    go_on: Callable[[], bool]
    looked_at: int = 0
    answered: bool = False
    pause: float = 0.0
    """Not 0: nothing more is sent, for so many seconds."""
    unknown: set[str] = field(default_factory=set)
    """Tags that WeCom turned out not to know."""


def due_corps(session: Session) -> list[tuple[int, str]]:
    """(company, corp) of everyone with a push that is due, or a library to bring into step."""
    now = clock.now()
    pushes = select(Push.company_id, Push.corpid).where(Push.state == "waiting", Push.next_try_at <= now)
    libraries = select(Lookup.company_id, Lookup.subject).where(
        Lookup.kind == touch.LIBRARY, Lookup.state == "waiting", Lookup.next_try_at <= now
    )
    return sorted({(row[0], row[1]) for row in session.execute(pushes.union(libraries))})


def push_corp(company_id: int, corpid: str, go_on: Callable[[], bool] = lambda: True) -> int:
    """Works off what is due for one corp while `go_on()` says so; returns how many were looked at.

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
            corp_library.put_off(company_id, account, error)
            if error.action == "tell_admin":
                tell_admin(account.id, error)
        _take_over(company_id, corpid)
        return _work_off(Round(company_id, account, wecom, go_on), held)


def _work_off(now: Round, held: Held) -> int:
    """Sends what is due, oldest first, as many at a time as WeCom allows."""

    def mark(one: Sending) -> None:
        now.wecom.mark_tag(one.userid, one.external_userid, one.add, one.remove)

    def go_on() -> bool:
        return now.pause == 0 and held.renew() and now.go_on()

    sendings = _sendings(now, go_on)
    parallel = core().settings.wecom_parallel
    for several in run_writes(sendings, lambda one: one.external_userid, mark, parallel):
        held.renew()
        _write_down(now, [(one, _outcome(result)) for one, result in several])
    if now.answered and not now.pause:
        mended({now.account.id})
    return now.looked_at


def _sendings(now: Round, go_on: Callable[[], bool]) -> Iterator[Sending]:
    """What is due, planned a few at a time; what was planned and is not sent is due again."""
    while go_on():
        sendings, looked_at = plan(now.account)
        now.looked_at += looked_at
        for one in sendings:
            if now.pause:
                _write_down(now, [(one, Unsent(now.pause))])
            elif now.unknown & {*one.add, *one.remove}:
                _write_down(now, [(one, Unsent(1.0))])
            else:
                yield one
        if looked_at < BATCH:
            return


def _outcome(result: Any) -> PlatformError | Unsent | None:
    if isinstance(result, PlatformError):
        return result
    if isinstance(result, Unavailable):
        return Unsent(5.0)  # no token without Redis: nothing was sent
    if isinstance(result, Exception):
        log.error("a push failed: %s", type(result).__name__, exc_info=result)
        return PlatformError(None, repr(result), "wait")
    return None


def _write_down(now: Round, outcomes: list[Outcome]) -> None:
    """In one transaction what became of several; then what follows for the rest of the corp."""
    for attempt in range(1, TRIES + 1):
        try:
            with writing() as session:
                take_in(session, now.account, outcomes)
            break
        except OperationalError:  # MySQL gave it up for another's lock
            if attempt == TRIES:
                raise
            clock.sleep(0.1 * attempt)
    now.answered |= any(outcome is None for _, outcome in outcomes)
    for _, error in outcomes:
        if isinstance(error, UnknownTag):
            now.unknown |= {error.tag_id} - {""}
        elif isinstance(error, PlatformError) and error.code not in ABOUT_ONE_MEMBER:
            if error.action == "tell_admin":
                tell_admin(now.account.id, error)
            if error.action == "tell_admin" or error.wait >= 60:
                now.pause = max(now.pause, error.wait, 60.0)
                _pause(now.company_id, now.account.key, now.pause)


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


def _take_over(company_id: int, corpid: str) -> None:
    """Who held the lease before has ended or died: what it was sending is due again."""
    now = clock.now()
    with writing() as session:
        for push in session.scalars(
            select(Push).where(
                Push.company_id == company_id,
                Push.corpid == corpid,
                Push.state == "waiting",
                Push.next_try_at > now,
                Push.intent.is_not(None),
            )
        ):
            if push.intent is not None and intents.under_way(push.intent):
                push.next_try_at = now


def _pause(company_id: int, corpid: str, wait: float) -> None:
    """The whole corp waits: its limit is used up, or an admin has to do something first."""
    until = clock.now() + int(wait * 1000)
    with writing() as session:
        session.execute(
            update(Push)
            .where(
                Push.company_id == company_id,
                Push.corpid == corpid,
                Push.state == "waiting",
                Push.next_try_at < until,
            )
            .values(next_try_at=until)
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
