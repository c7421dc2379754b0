"""Works the inbox off: batches by claim, in order for each person, retried with back-off, then failed."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from wxtag import claims, clock, rows
from wxtag.app import core
from wxtag.database import transaction_is_gone, writing
from wxtag.envelope import content_time
from wxtag.errors import Refused, WxtagError
from wxtag.events.decoded import Decoded
from wxtag.inbox import Kept, Reader, Reading
from wxtag.leases import lock
from wxtag.models import InboxMessage, Seen
from wxtag.resolve import Meant, one_at_a_time

MAX_TRIES = 8
CLAIM_MS = 30_000
"""After so long another worker takes over what one had claimed; a batch takes a few seconds."""
MESSAGES, BYTES = 500, 2_000_000
"""A batch is at most so many messages, of so many bytes together: a page of an import holds many people."""
TOO_OLD = "older than raw messages are kept: it may have been done before"
log = logging.getLogger(__name__)

Meaning = Callable[[Kept, Reading], Decoded]
"""What a message means. Looks at nothing but the message."""
Work = Callable[[Session, int, list[Meant]], None]
"""Does what follows from messages of one company, in the given transaction; raising means: nothing of it."""


def drain(meaning: Meaning, work: Work, limit: int = MESSAGES) -> int:
    """Works off one batch of what is due; returns how many messages were looked at.

    What fails waits and holds back the later messages of its person, nobody else's.
    """
    token = claims.token()
    ids = _claim(token, limit)
    if not ids:
        return 0
    try:
        with writing() as session:
            batch = _Batch(session, meaning, work)
            batch.work_off(_claimed(session, ids, token))
    except BaseException:
        claims.abandon(token)  # the database may be what is away
        raise
    return len(ids)


class _Batch:
    """One batch, in one transaction."""

    def __init__(self, session: Session, meaning: Meaning, work: Work) -> None:
        self.session, self.meaning, self.work = session, meaning, work
        self.now = clock.now()
        self.read = Reader(session)
        self.held: set[str] = set()
        """Persons one of whose messages must be tried again first."""
        self.ended: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        """(state, why) -> messages."""

    def work_off(self, messages: Iterable[Kept]) -> None:
        """Each message stands or falls alone, although the good ones are done together."""
        companies: dict[int, list[Kept]] = defaultdict(list)
        for message in messages:
            companies[message.company_id].append(message)
        for company_id in sorted(companies):
            one_at_a_time(self.session, company_id)
            self._company(company_id, companies[company_id])
        self._write_ends()

    def _company(self, company_id: int, messages: list[Kept]) -> None:
        read = [(message, reading) for message in messages if (reading := self._opened(message)) is not None]
        fresh = self._first(company_id, read)
        if len(fresh) > 1:
            try:
                with self.session.begin_nested():
                    self._together(company_id, fresh)
                return
            except Exception as error:
                if transaction_is_gone(error):
                    raise
                # Which one it was shows when each is done alone; that is slow, and rare.
                log.info("%d messages are done one by one: %s", len(fresh), type(error).__name__)
        for one in fresh:
            self._alone(company_id, one)

    def _opened(self, message: Kept) -> Reading | None:
        if self._held_back(message):
            return None
        try:
            return self.read(message)
        except Exception as error:
            if transaction_is_gone(error):
                raise
            self._failed(message, error)
            return None

    def _first(self, company_id: int, read: list[tuple[Kept, Reading]]) -> list[tuple[Kept, Reading]]:
        """Those whose content was not done before; the others end here."""
        done: dict[str, set[str]] = defaultdict(set)
        hashes: dict[str, list[str]] = defaultdict(list)
        for message, reading in read:
            hashes[reading.account.key].append(message.dedupe_hash)
        for scope, values in hashes.items():
            for some in rows.chunks(values):
                there = select(Seen.hash).where(Seen.company_id == company_id, Seen.scope == scope)
                done[scope] |= set(self.session.scalars(there.where(Seen.hash.in_(some))))
        first = []
        for message, reading in read:
            known = done[reading.account.key]
            if _too_old(reading.content, message):
                self.ended[
                    "ignored", "older than raw messages are kept: it may have been done before"
                ].append(message.id)
            elif message.dedupe_hash and message.dedupe_hash in known:
                self.ended["duplicate", None].append(message.id)
            else:
                known.add(message.dedupe_hash)
                first.append((message, reading))
        return first

    def _together(self, company_id: int, messages: list[tuple[Kept, Reading]]) -> None:
        """Does them all, and remembers that they are done, in the same transaction."""
        meant, ends = [], []
        for message, reading in messages:
            decoded = self.meaning(message, reading)
            meant.append(Meant(decoded, message.id, message.account_id, message.received_at))
            ends.append(("ignored" if decoded.ignored else "done", decoded.ignored))
        self.work(self.session, company_id, meant)
        rows.add_all(
            self.session,
            Seen,
            [
                {
                    "company_id": company_id,
                    "scope": reading.account.key,
                    "hash": message.dedupe_hash,
                    "person_hash": message.person_hash,
                    "message_id": message.id,
                    "at": self.now,
                }
                for message, reading in messages
                if message.dedupe_hash
            ],
        )
        for (message, _), end in zip(messages, ends, strict=True):
            self.ended[end].append(message.id)

    def _alone(self, company_id: int, one: tuple[Kept, Reading]) -> None:
        if self._held_back(one[0]):
            return
        try:
            with self.session.begin_nested():
                self._together(company_id, [one])
        except Exception as error:
            if transaction_is_gone(error):
                raise
            self._failed(one[0], error)

    def _held_back(self, message: Kept) -> bool:
        if message.person_hash not in self.held:
            return False
        self.ended["new", None].append(message.id)
        return True

    def _failed(self, message: Kept, error: Exception) -> None:
        """Waits twice as long each time; given up, it lets the next ones go."""
        permanent = isinstance(error, WxtagError) and error.permanent and not isinstance(error, Refused)
        tries, why = message.tries + 1, f"{type(error).__name__}: {error}"[:2000]
        state, next_try, done = "new", self.now + 1000 * 2 ** (tries - 1), None
        if permanent or tries >= MAX_TRIES:
            state, next_try, done = "failed", 0, self.now
            log.warning(
                "message %s (%s) failed for good: %s", message.id, message.event, type(error).__name__
            )
        else:
            log.info("message %s (%s) is tried again: %s", message.id, message.event, type(error).__name__)
            if message.person_hash:
                self.held.add(message.person_hash)
        self.session.execute(
            update(InboxMessage)
            .where(InboxMessage.id == message.id)
            .values(
                state=state,
                error=why,
                tries=tries,
                next_try_at=next_try,
                done_at=done,
                claim=None,
                claimed_until=0,
            )
        )

    def _write_ends(self) -> None:
        for (state, why), ids in self.ended.items():
            for some in rows.chunks(ids):
                self.session.execute(
                    update(InboxMessage)
                    .where(InboxMessage.id.in_(some))
                    .values(
                        state=state,
                        error=why,
                        done_at=None if state == "new" else self.now,
                        claim=None,
                        claimed_until=0,
                    )
                )


def _claim(token: str, limit: int) -> list[int]:
    """Takes the oldest messages that are due, leaving out everyone who has an earlier one unfinished."""
    now = clock.now()
    with writing() as session:
        # Two drainers that choose at the same moment could take two messages of one person apart.
        lock(session, "claim inbox")
        ids: list[int] = []
        last = 0
        while due := _due(session, now, last, limit):
            ids = _in_turn(session, due)
            last = max(one.id for one in due)
            if ids:
                break
        for some in rows.chunks(ids):
            session.execute(
                update(InboxMessage)
                .where(InboxMessage.id.in_(some))
                .values(claim=token, claimed_until=now + CLAIM_MS)
            )
    return ids


class _Due(NamedTuple):
    id: int
    company_id: int
    person_hash: str


def _due(session: Session, now: int, after: int, limit: int) -> list[_Due]:
    """The oldest messages that may be worked on: new ones beyond `after`, and those whose next try has come.

    Two looks, each along an index; together they are one batch.
    """
    columns = select(
        InboxMessage.id, InboxMessage.company_id, InboxMessage.person_hash, func.length(InboxMessage.body)
    ).where(InboxMessage.state == "new", InboxMessage.claimed_until <= now, InboxMessage.id > after)
    fresh = columns.where(InboxMessage.next_try_at == 0).order_by(InboxMessage.id)
    again = columns.where(InboxMessage.next_try_at > 0, InboxMessage.next_try_at <= now)
    found = [*session.execute(again.order_by(InboxMessage.next_try_at).limit(limit))]
    found += session.execute(fresh.limit(limit))
    due, size = [], 0
    for message_id, company_id, person, length in sorted(found, key=lambda row: int(row[0]))[:limit]:
        size += length
        if due and size > BYTES:
            break
        due.append(_Due(message_id, company_id, person))
    return due


def _in_turn(session: Session, due: list[_Due]) -> list[int]:
    """Those of them whose person has no earlier message that is unfinished and not among them."""
    ids = {one.id for one in due}
    first: dict[tuple[int, str], int] = {}
    for company_id in {one.company_id for one in due}:
        persons = [one.person_hash for one in due if one.company_id == company_id and one.person_hash]
        for some in rows.chunks(persons):
            others = select(InboxMessage.person_hash, InboxMessage.id).where(
                InboxMessage.company_id == company_id,
                InboxMessage.person_hash.in_(some),
                InboxMessage.state == "new",
                InboxMessage.id < max(ids),
            )
            for person, message_id in session.execute(others):
                if message_id not in ids:
                    first[company_id, person] = min(message_id, first.get((company_id, person), message_id))
    return [one.id for one in due if one.id < first.get((one.company_id, one.person_hash), one.id + 1)]


def _claimed(session: Session, ids: list[int], token: str) -> list[Kept]:
    """The messages that are still ours: who was slow may have been taken for dead."""
    mine = (InboxMessage.id.in_(ids), InboxMessage.claim == token, InboxMessage.state == "new")
    found = select(*(getattr(InboxMessage, name) for name in Kept._fields)).where(*mine)
    return [Kept(*row) for row in session.execute(found.order_by(InboxMessage.id).with_for_update())]


def _too_old(content: dict[str, Any], message: Kept) -> bool:
    days = core().settings.inbox_days
    at = content_time(content) if message.source == "callback" else None
    return days > 0 and at is not None and at < message.received_at - days * clock.DAY_MS


def waiting(session: Session) -> bool:
    """Is anything due?"""
    now = clock.now()
    due = select(InboxMessage.id).where(
        InboxMessage.state == "new", InboxMessage.next_try_at <= now, InboxMessage.claimed_until <= now
    )
    return session.scalar(due.limit(1)) is not None
