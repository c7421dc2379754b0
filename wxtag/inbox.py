"""The inbox: messages as they came, kept, opened again, replayed, and forgotten when they are old."""

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.companies import hash_key, opened
from wxtag.database import changed, writing
from wxtag.envelope import canonical, open_message
from wxtag.errors import WxtagError
from wxtag.events.meaning import name_of, person_of
from wxtag.models import Account, Company, InboxMessage, Seen
from wxtag.rebinding import as_of
from wxtag.sealing import keyed_hash
from wxtag.spooling import SpoolRecord

SEAL = "inbox body"
log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """A message of the inbox, as far as working it off needs it."""

    id: int
    company_id: int
    account_id: int
    source: str
    event: str
    query: dict[str, str]
    body: bytes
    sealed: bool
    person_hash: str
    dedupe_hash: str
    received_at: int
    tries: int


@dataclass(frozen=True)
class Reading:
    """A kept message, opened again."""

    account: BoundAccount
    content: dict[str, Any]


def accept(records: Iterable[tuple[str, SpoolRecord]]) -> int:
    """Takes records of a spool in, in one transaction. Taking the same ones in twice makes one row each."""
    batch = list(records)
    with writing() as session:
        known = set(
            session.scalars(
                select(InboxMessage.spool_id).where(InboxMessage.spool_id.in_([i for i, _ in batch]))
            )
        )
        accounts: dict[int, tuple[BoundAccount, bytes] | None] = {}
        new: dict[str, dict[str, Any]] = {}
        newest: dict[int, int] = {}
        for spool_id, record in batch:
            if spool_id in known:
                continue
            if record.account_id not in accounts:
                accounts[record.account_id] = _account(session, record.account_id)
            found = accounts[record.account_id]
            if found is None:
                log.error("a message for the account %s, which is gone, was dropped", record.account_id)
                continue
            new[spool_id] = _row(spool_id, record, *found)
            if record.source == "callback":
                newest[record.account_id] = max(newest.get(record.account_id, 0), record.received_at)
        # One statement a batch: this runs beside the doors and takes their processor's time.
        rows.add_all(session, InboxMessage, list(new.values()))
        for account_id, at in newest.items():
            session.execute(update(Account).where(Account.id == account_id).values(last_callback_at=at))
    return len(new)


class Reader:
    """Opens kept messages again; each account is opened once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._accounts: dict[int, BoundAccount] = {}
        self._former: dict[int, list[Any] | None] = {}

    def __call__(self, message: Kept) -> Reading:
        """Raises Refused when the account's keys no longer fit."""
        sealer, bound = core().sealer, self._accounts.get(message.account_id)
        if bound is None:
            account = self._session.get_one(Account, message.account_id)
            bound = self._accounts[message.account_id] = opened(account, sealer)
            self._former[message.account_id] = account.former_platforms
        bound = as_of(bound, self._former[message.account_id], message.received_at)
        body = sealer.open_bytes(message.body, SEAL) if message.sealed else message.body
        if message.source == "callback":
            return Reading(bound, open_message(bound, message.query, body).content)
        return Reading(bound, json.loads(body))


def replay(
    session: Session,
    company_id: int,
    since: int | None = None,
    until: int | None = None,
    failed: bool = False,
) -> int:
    """Has kept messages worked on again; returns how many. No effect is doubled: events carry a uid."""
    states = ("failed",) if failed else ("done", "ignored", "failed")
    wanted = [
        InboxMessage.company_id == company_id,
        InboxMessage.state.in_(states),
        InboxMessage.body != b"",  # emptied: its person was erased
    ]
    if since is not None:
        wanted.append(InboxMessage.received_at >= since)
    if until is not None:
        wanted.append(InboxMessage.received_at <= until)
    session.execute(
        delete(Seen).where(
            Seen.company_id == company_id,
            Seen.message_id.in_(select(InboxMessage.id).where(*wanted)),
        )
    )
    again = update(InboxMessage).where(*wanted)
    return changed(
        session, again.values(state="new", tries=0, next_try_at=0, error=None, claim=None, claimed_until=0)
    )


def forget_old(session: Session, days: int, batch: int = 5_000) -> int:
    """Deletes messages older than the setting allows, and what was remembered to know them again."""
    if days <= 0:
        return 0
    before = clock.now() - days * clock.DAY_MS
    old = list(
        session.scalars(
            select(InboxMessage.id)
            .where(InboxMessage.received_at < before, InboxMessage.state != "new")
            .limit(batch)
        )
    )
    if old:
        session.execute(delete(InboxMessage).where(InboxMessage.id.in_(old)))
    session.execute(delete(Seen).where(Seen.at < before))
    return len(old)


def _account(session: Session, account_id: int) -> tuple[BoundAccount, bytes] | None:
    account = session.get(Account, account_id)
    if account is None:
        return None
    company = session.get(Company, account.company_id)
    assert company is not None
    return opened(account, core().sealer), hash_key(company, core().sealer)


def _row(spool_id: str, record: SpoolRecord, account: BoundAccount, key: bytes) -> dict[str, Any]:
    """The row of a record: what the platform did not encrypt is sealed before it is stored."""
    event, person, dedupe, encrypted = record.event, "", "", False
    try:
        if record.source == "callback":
            message = open_message(account, record.query, record.body)
            encrypted, event = message.encrypted, name_of(account, message.content)
            content = message.content
            dedupe = keyed_hash(key, "content", canonical(content).hex())
        else:
            content = json.loads(record.body)
            dedupe = hashlib.sha256(spool_id.encode()).hexdigest()
        person = person_of(content)
    except (WxtagError, ValueError) as error:
        # It was readable at the door: the account was bound anew in between. Kept; the work says why.
        log.warning("a message of account %s cannot be read now: %s", account.id, error)
    body = record.body if encrypted else core().sealer.seal_bytes(record.body, SEAL)
    return {
        "company_id": account.company_id,
        "account_id": account.id,
        "spool_id": spool_id,
        "source": record.source,
        "event": event[:64],
        "query": dict(record.query),
        "body": body,
        "sealed": not encrypted,
        "person_hash": keyed_hash(key, "person", account.key, person) if person else "",
        "dedupe_hash": dedupe,
        "received_at": record.received_at,
    }


def counts(session: Session, company_id: int) -> dict[str, int]:
    """How many messages are in each state."""
    rows = session.execute(
        select(InboxMessage.state, func.count())
        .where(InboxMessage.company_id == company_id)
        .group_by(InboxMessage.state)
    )
    return {state: int(count) for state, count in rows}
