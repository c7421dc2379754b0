"""Works the inbox off: batches by claim, in order for each person, retried with back-off, then failed."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag import claims, clock, due, rows
from wxtag.app import core
from wxtag.database import transaction_is_gone, writing
from wxtag.envelope import content_time
from wxtag.errors import Refused, WxtagError
from wxtag.events.decoded import Decoded
from wxtag.inbox import Kept, Reader, Reading
from wxtag.models import InboxMessage, Seen
from wxtag.resolve import Meant, one_at_a_time

MAX_TRIES = 8
TOO_OLD = "older than raw messages are kept: it may have been done before"
log = logging.getLogger(__name__)

Meaning = Callable[[Kept, Reading], Decoded]
"""What a message means. Looks at nothing but the message."""
Work = Callable[[Session, int, list[Meant]], None]
"""Does what follows from messages of one company, in the given transaction; raising means: nothing of it."""


def drain(meaning: Meaning, work: Work, limit: int = due.MESSAGES) -> int:
    """Works off one batch of what is due; returns how many messages were looked at.

    What fails waits and holds back the later messages of its person, nobody else's.
    """
    token = claims.token()
    try:
        ids = due.claim(token, limit)
        if ids:
            with writing() as session:
                batch = _Batch(session, meaning, work)
                batch.work_off(due.claimed(session, ids, token))
    except BaseException:
        # The database may be what is away, and then nobody knows whether the claim itself was written.
        claims.abandon(token)
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


def _too_old(content: dict[str, Any], message: Kept) -> bool:
    days = core().settings.inbox_days
    at = content_time(content) if message.source == "callback" else None
    return days > 0 and at is not None and at < message.received_at - days * clock.DAY_MS
