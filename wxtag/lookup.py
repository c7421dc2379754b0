"""Asks the platforms what only they can tell: outside any transaction, a few at a time, again if need be.

Answers are kept in the inbox like messages and go down the same line.
"""

import json
import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.bindings import mended, tell_admin
from wxtag.companies import opened
from wxtag.database import changed, writing
from wxtag.errors import PlatformError
from wxtag.inbox import accept
from wxtag.models import Account, Lookup
from wxtag.platforms import OfficialAccount, WeCom, client
from wxtag.platforms.parallel import run_writes
from wxtag.spooling import SpoolRecord
from wxtag.touch import LIBRARY

CLAIM_MS = 30_000
BATCH = 30
PARALLEL = 3
MAX_TRIES = 10
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


def ask_due() -> int:
    """Asks one batch of what is due; returns how many questions were asked."""
    batch = _claim()
    answered: set[int] = set()
    for asked, result in run_writes(batch, lambda one: str(one.id), _ask, PARALLEL):
        if isinstance(result, Exception):
            _no_answer(asked, result)
        else:
            sent_at, answer = result
            _keep(asked, asked.kind, sent_at, answer)
            _close(asked, "answered", None)
            answered.add(asked.account.id)
    if answered:
        mended(answered)
    return len(batch)


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


def _claim() -> list[Asked]:
    now = clock.now()
    taken: list[Asked] = []
    accounts: dict[int, BoundAccount] = {}
    with writing() as session:
        for row in session.scalars(
            select(Lookup).where(*_due(now)).order_by(Lookup.next_try_at).limit(BATCH)
        ):
            mine = (
                update(Lookup)
                .where(Lookup.id == row.id, Lookup.claimed_until <= now)
                .values(claimed_until=now + CLAIM_MS)
            )
            if changed(session, mine) != 1:
                continue
            if row.account_id not in accounts:
                account = session.get(Account, row.account_id)
                assert account is not None
                accounts[row.account_id] = opened(account, core().sealer)
            taken.append(
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
            )
    return taken


def _ask(asked: Asked) -> tuple[int, dict[str, Any]]:
    """When it was asked, and the platform's answer. Raises PlatformError."""
    platform, sent_at = client(asked.account), clock.now()
    if asked.kind == "contact" and isinstance(platform, WeCom):
        return sent_at, platform.get_contact(asked.subject)
    if asked.kind == "user_info" and isinstance(platform, OfficialAccount):
        return sent_at, platform.user_info(asked.subject)
    raise PlatformError(None, f"nobody answers {asked.kind} for a {asked.account.kind}", "give_up")


def _keep(asked: Asked, event: str, sent_at: int, answer: dict[str, Any]) -> None:
    """Into the inbox with it. `sent_at`: what happened after that moment, the answer need not know."""
    body = {"subject": asked.subject, "asked_at": sent_at, "answer": answer}
    record = SpoolRecord(
        account_id=asked.account.id,
        company_id=asked.company_id,
        source="lookup",
        event=event,
        body=json.dumps(body, ensure_ascii=False).encode(),
        received_at=sent_at,
    )
    accept([(f"lookup:{asked.id}:{asked.version}:{asked.tries}", record)])


def _close(asked: Asked, state: str, error: str | None) -> None:
    """Ends the question, unless it was asked anew in the meantime."""
    with writing() as session:
        session.execute(
            update(Lookup)
            .where(Lookup.id == asked.id, Lookup.version == asked.version)
            .values(state=state, error=error, answered_at=clock.now(), claimed_until=0)
        )
        session.execute(
            update(Lookup)
            .where(Lookup.id == asked.id, Lookup.version != asked.version)
            .values(claimed_until=0)
        )


def _no_answer(asked: Asked, error: Exception) -> None:
    """By class: again later, not at all, or only when an admin has done something."""
    now = clock.now()
    if not isinstance(error, PlatformError):
        log.error("the question %s failed: %s", asked.id, type(error).__name__, exc_info=error)
        error = PlatformError(None, f"{type(error).__name__}: {error}", "wait")
    if error.code == NOT_A_CONTACT and now - asked.asked_at < GRACE_MS:
        return _later(asked, str(error), 2000 * (asked.tries + 1))
    if error.action == "give_up":
        _keep(asked, f"{asked.kind}_gone", now, {"errcode": error.code})
        return _close(asked, "gone", str(error)[:500])
    if error.action == "tell_admin":
        tell_admin(asked.account.id, error)
        return _later(asked, str(error), 300_000, counts=False)
    if asked.tries + 1 >= MAX_TRIES:
        return _close(asked, "failed", str(error)[:500])
    return _later(asked, str(error), int(max(error.wait, 1.0) * 1000) * 2 ** min(asked.tries, 6))


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
