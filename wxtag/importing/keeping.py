"""Keeps what was read in the inbox, one message a person: order and erasure go by person there too."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wxtag.app import core
from wxtag.companies import hash_key
from wxtag.database import reading
from wxtag.importing.run import Run
from wxtag.inbox import accept
from wxtag.models import Company, InboxMessage
from wxtag.sealing import keyed_hash
from wxtag.spooling import SpoolRecord

SOURCE = "import"
MOST_WAITING = 2_000
"""While more messages wait to be worked off, nothing more is read: the inbox must not grow without bound."""


class Names:
    """What the messages of one import are called: by whom they are about, so that none comes twice."""

    def __init__(self, run: Run) -> None:
        self._import = run.id
        with reading() as session:
            company = session.get(Company, run.account.company_id)
            assert company is not None
            self._key = hash_key(company, core().sealer)

    def of(self, *who: str) -> str:
        """Only a hash: the name outlives the message's body when a person is erased."""
        return f"{SOURCE}:{self._import}:{keyed_hash(self._key, SOURCE, *who)[:40]}"


def keep(run: Run, sent_at: int, people: Iterable[tuple[str, str, str, dict[str, Any]]]) -> None:
    """Into the inbox with one page, in one transaction: (name, event, whom it is about, the answer's row).

    `sent_at`: what happened after that moment, the answer need not know. A page that is read again after a
    kill makes no second messages.
    """
    records = []
    for name, event, subject, answer in people:
        body = {"subject": subject, "asked_at": sent_at, "answer": answer}
        record = SpoolRecord(
            account_id=run.account.id,
            company_id=run.account.company_id,
            source=SOURCE,
            event=event,
            body=json.dumps(body, ensure_ascii=False).encode(),
            received_at=sent_at,
        )
        records.append((name, record))
    if records:
        accept(records)


def waiting(session: Session, company_id: int, most: int = MOST_WAITING) -> int:
    """How many messages of the company wait to be worked off; counted up to one more than `most`."""
    some = (
        select(InboxMessage.id)
        .where(InboxMessage.state == "new", InboxMessage.company_id == company_id)
        .limit(most + 1)
        .subquery()
    )
    return int(session.scalar(select(func.count()).select_from(some)) or 0)


def unfinished(session: Session, run: Run) -> bool:
    """Does a message of this import still wait to be worked off?"""
    mine = select(InboxMessage.id).where(
        InboxMessage.state == "new",
        InboxMessage.account_id == run.account.id,
        InboxMessage.source == SOURCE,
        InboxMessage.spool_id.startswith(f"{SOURCE}:{run.id}:"),
    )
    return session.scalar(mine.limit(1)) is not None


def known_of(names: Iterable[str]) -> set[str]:
    """Those of these names whose message came, in whatever state it is."""
    with reading() as session:
        rows = select(InboxMessage.spool_id).where(InboxMessage.spool_id.in_(list(names)))
        return set(session.scalars(rows))


def done_of(session: Session, names: Iterable[str]) -> set[str]:
    """Those of these names whose message came and was worked off, or knows no better than an earlier one."""
    rows = select(InboxMessage.spool_id).where(
        InboxMessage.spool_id.in_(list(names)), InboxMessage.state.in_(("done", "duplicate"))
    )
    return set(session.scalars(rows))
