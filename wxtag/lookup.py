"""Asks the platforms what only they can tell: outside any transaction, a few at a time, again if need be.

Answers are kept in the inbox like messages and go down the same line.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.bindings import mended, tell_admin
from wxtag.companies import opened
from wxtag.database import reading, writing
from wxtag.errors import PlatformError, Unavailable
from wxtag.inbox import accept
from wxtag.models import Account, FollowUser, Lookup
from wxtag.platforms import OfficialAccount, WeCom, client
from wxtag.platforms.codes import no_answer
from wxtag.platforms.parallel import run_writes
from wxtag.spooling import SpoolRecord
from wxtag.touch import LIBRARY, PROOF

CLAIM_MS = 30_000
BATCH = 10
PROOF_LATE_MS = 60_000
BELIEVED_AFTER = 4
"""So many tries must say that a contact has no followers at all."""
LONGEST_WAIT = 600.0
"""Seconds between two tries of a question that a platform goes on not answering; it is never given up."""
GRACE_MS = 60_000
"""84061 right after an add: the relation is not readable yet, so it is asked again for so long."""
NOT_A_CONTACT = 84061
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """One question as it was taken."""

    id: int
    company_id: int
    account: BoundAccount
    kind: str
    subject: str
    version: int
    asked_at: int
    tries: int


def ask_due(
    go_on: Callable[[], bool] = lambda: True,
    answered: Callable[[], None] = lambda: None,
    idle: Callable[[], bool] = lambda: True,
) -> int:
    """Asks what is due while `go_on()` says so; returns how many questions were asked.

    `answered()` is called whenever answers have come into the inbox. Unless `idle()`, what only makes sure
    of pushes is left for later, up to a minute.
    """
    count, whole = 0, set[int]()
    _take_over()
    asking = _due_ones(go_on, idle)
    for several in run_writes(asking, lambda one: one.id, _ask, core().settings.wecom_parallel):
        count += len(several)
        found = [(asked, result) for asked, result in several if not isinstance(result, Exception)]
        if found:
            accept([_record(asked, asked.kind, sent_at, answer) for asked, (sent_at, answer) in found])
            _close([asked for asked, _ in found], "answered", None)
            whole |= {asked.account.id for asked, _ in found}
        for asked, result in several:
            if isinstance(result, Exception):
                _no_answer(asked, result)
        answered()
    if whole:
        mended(whole)
    return count


def _due_ones(go_on: Callable[[], bool], idle: Callable[[], bool]) -> Iterator[Asked]:
    while go_on():
        batch = _claim(0 if idle() else PROOF_LATE_MS)
        yield from batch
        if len(batch) < BATCH:
            return


def waiting(session: Session) -> bool:
    """Is anything due?"""
    now = clock.now()
    due = select(Lookup.id).where(*_due(now))
    return session.scalar(due.limit(1)) is not None


def _due(now: int) -> list[Any]:
    return [
        Lookup.kind != LIBRARY,
        Lookup.state == "waiting",
        Lookup.next_try_at <= now,
        Lookup.claimed_until <= now,
    ]


def _take_over() -> None:
    """Only the holder of the lease asks: what was taken before has been put down, or its process died."""
    with writing() as session:
        session.execute(
            update(Lookup)
            .where(Lookup.state == "waiting", Lookup.claimed_until > clock.now())
            .values(claimed_until=0)
        )


def _claim(late: int) -> list[Asked]:
    """The next ones that are due; those that only make sure of a push come last, and `late` ms later."""
    now = clock.now()
    accounts: dict[int, BoundAccount] = {}
    with writing() as session:
        taken: list[Lookup] = []
        proofs = and_(Lookup.kind == PROOF, Lookup.next_try_at <= now - late)
        for urgent in (Lookup.kind != PROOF, proofs):
            if len(taken) < BATCH:
                due = select(Lookup).where(*_due(now), urgent).order_by(Lookup.next_try_at, Lookup.id)
                taken += session.scalars(due.limit(BATCH - len(taken)).with_for_update())
        for row in taken:
            row.claimed_until = now + CLAIM_MS
            if row.account_id not in accounts:
                account = session.get(Account, row.account_id)
                assert account is not None
                accounts[row.account_id] = opened(account, core().sealer)
        return [
            Asked(
                row.id,
                row.company_id,
                accounts[row.account_id],
                row.kind,
                row.subject,
                row.version,
                row.asked_at,
                row.tries,
            )
            for row in taken
        ]


def _ask(asked: Asked) -> tuple[int, dict[str, Any]]:
    """When it was asked, and the platform's answer. Raises PlatformError."""
    platform, sent_at = client(asked.account), clock.now()
    if asked.kind in ("contact", PROOF) and isinstance(platform, WeCom):
        answer = platform.get_contact(asked.subject)
        if not answer["follow_user"] and asked.tries < BELIEVED_AFTER:
            # Who is nobody's contact is answered 84061: an ok without anybody is no answer, and believed it
            # would end all relations. Should it go on, it may mean that all are out of the app's range.
            raise no_answer("externalcontact/get", "平台应答成功却没有任何跟进人，稍后自动重试")
        return sent_at, answer
    if asked.kind == "user_info" and isinstance(platform, OfficialAccount):
        return sent_at, platform.user_info(asked.subject)
    raise PlatformError(None, f"nobody answers {asked.kind} for a {asked.account.kind}", "give_up")


def _record(asked: Asked, kind: str, sent_at: int, answer: dict[str, Any]) -> tuple[str, SpoolRecord]:
    """For the inbox. `sent_at`: what happened after that moment, the answer need not know."""
    body = {"subject": asked.subject, "asked_at": sent_at, "answer": answer}
    record = SpoolRecord(
        account_id=asked.account.id,
        company_id=asked.company_id,
        source="lookup",
        event=kind.replace(PROOF, "contact"),
        body=json.dumps(body, ensure_ascii=False).encode(),
        received_at=sent_at,
    )
    return f"lookup:{asked.id}:{asked.version}:{asked.tries}", record


def _close(several: list[Asked], state: str, error: str | None) -> None:
    """Ends the questions; one that was asked anew in the meantime goes on waiting."""
    if not several:
        return
    same = or_(*(and_(Lookup.id == asked.id, Lookup.version == asked.version) for asked in several))
    ids = [asked.id for asked in several]
    with writing() as session:
        session.execute(update(Lookup).where(Lookup.id.in_(ids)).values(claimed_until=0))
        session.execute(
            update(Lookup).where(same).values(state=state, error=error, answered_at=clock.now()),
            execution_options={"synchronize_session": False},
        )


def _no_answer(asked: Asked, error: Exception) -> None:
    """By class: again later, not at all, or only when an admin has done something."""
    now = clock.now()
    if isinstance(error, Unavailable):
        return _later(asked, str(error), 5_000, counts=False)  # no token without Redis: it was not asked
    if not isinstance(error, PlatformError):
        log.error("the question %s failed: %s", asked.id, type(error).__name__, exc_info=error)
        error = PlatformError(None, f"{type(error).__name__}: {error}", "wait")
    if error.code == NOT_A_CONTACT and now - asked.asked_at < GRACE_MS and _just_added(asked, now):
        return _later(asked, str(error), 1500 * 2**asked.tries)
    if error.action == "give_up":
        accept([_record(asked, f"{asked.kind}_gone", now, {"errcode": error.code})])
        return _close([asked], "gone", str(error)[:500])
    if error.action == "tell_admin":
        tell_admin(asked.account.id, error)
        _put_off_all(asked.account.id, now + 60_000)
        return _later(asked, str(error), 300_000, counts=False)
    longer = min(max(error.wait, 1.0) * 2 ** min(asked.tries, 10), LONGEST_WAIT)
    return _later(asked, str(error), int(max(longer, error.wait) * 1000))


def _just_added(asked: Asked, now: int) -> bool:
    """Whether staff added this contact so recently that WeCom may not show it yet."""
    with reading() as session:
        added = select(FollowUser.id).where(
            FollowUser.company_id == asked.company_id,
            FollowUser.external_userid == asked.subject,
            FollowUser.status == "active",
            FollowUser.added_at > now - GRACE_MS,
        )
        return session.scalar(added.limit(1)) is not None


def _put_off_all(account_id: int, until: int) -> None:
    """Nothing is asked through a binding that an admin has to mend first."""
    with writing() as session:
        session.execute(
            update(Lookup)
            .where(Lookup.account_id == account_id, *_due(clock.now()))
            .values(next_try_at=until)
        )


def _later(asked: Asked, error: str, wait_ms: int, counts: bool = True) -> None:
    with writing() as session:
        session.execute(
            update(Lookup)
            .where(Lookup.id == asked.id)
            .values(
                tries=asked.tries + (1 if counts else 0),
                next_try_at=clock.now() + wait_ms,
                claimed_until=0,
                error=error[:500],
            )
        )
