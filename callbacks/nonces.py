"""Remembers which body came under which (timestamp, nonce): in plain mode one signature covers any body.

A small SQLite file in DATA_DIR, shared by the web processes of this host and there after a restart.
"""

import hashlib
import os
import sqlite3
import threading
import weakref

from config import Settings
from wxtag.errors import Unavailable

FILE = "nonces.sqlite"
PRUNE_EVERY = 60
"""Seconds."""
DAY = 86_400
SCHEMA = """CREATE TABLE IF NOT EXISTS nonces (
    account INTEGER, timestamp INTEGER, nonce TEXT, body BLOB, PRIMARY KEY (account, timestamp, nonce)
) WITHOUT ROWID"""


class Nonces:
    """The memory of one host. A nonce is forgotten when its timestamp alone would be refused."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.data_dir / FILE
        ages = [settings.callback_max_age, settings.inbox_days * DAY]
        self._keep = min((age for age in ages if age), default=0)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._pruned_at = 0
        _memories.add(self)

    def first_or_same(self, account: int, timestamp: int, nonce: str, body: bytes, now: int) -> bool:
        """False when another body came under it before. `timestamp` and `now` in seconds.

        Raises Unavailable when that cannot be remembered.
        """
        digest = hashlib.sha256(body).digest()
        with self._lock:
            try:
                return self._remember(account, timestamp, nonce, digest, now)
            except (sqlite3.Error, OSError) as error:
                self._close()
                if type(error) is sqlite3.DatabaseError:
                    # No database any more, or a damaged one: begin a new one with the next message.
                    self._path.replace(self._path.with_suffix(".broken"))
                raise Unavailable(f"{self._path} cannot be written: {error}") from error

    def _remember(self, account: int, timestamp: int, nonce: str, digest: bytes, now: int) -> bool:
        if self._connection is None:
            self._connection = self._open()
        place = (account, timestamp, nonce)
        added = self._connection.execute(
            "INSERT INTO nonces VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (*place, digest)
        ).rowcount
        if self._keep and now >= self._pruned_at + PRUNE_EVERY:
            self._pruned_at = now
            self._connection.execute("DELETE FROM nonces WHERE timestamp < ?", (now - self._keep - DAY,))
        if added:
            return True
        (known,) = self._connection.execute(
            "SELECT body FROM nonces WHERE account = ? AND timestamp = ? AND nonce = ?", place
        ).fetchone()
        return bool(known == digest)

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            self._path, timeout=5, isolation_level=None, check_same_thread=False, cached_statements=8
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(SCHEMA)
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def after_fork(self) -> None:
        """A connection must not be used in a forked child, nor closed there."""
        self._lock = threading.Lock()
        self._inherited, self._connection = self._connection, None


_memories: "weakref.WeakSet[Nonces]" = weakref.WeakSet()


def _after_fork() -> None:
    for memory in list(_memories):
        memory.after_fork()


os.register_at_fork(after_in_child=_after_fork)
