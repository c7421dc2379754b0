"""Which accounts an address belongs to: from the sealed snapshot, and from the database what that lacks."""

import threading

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from wxtag import clock, snapshot
from wxtag.accounts import BoundAccount, account_key
from wxtag.database import reading
from wxtag.errors import Refused, Unavailable, WxtagError
from wxtag.sealing import Sealer

PAUSE = 1.0
"""Seconds between two questions to the database that strangers can cause."""
MOST = 20
"""Questions to the database within that time."""
PATIENCE = 0.5
"""Seconds that a door waits for another one's question; the rest of the doors must not queue up behind it."""


class Bindings:
    """Knows the accounts without asking the database, on the normal path."""

    def __init__(self, app: Flask, settings: Settings, sealer: Sealer) -> None:
        self._app = app
        self._settings = settings
        self._sealer = sealer
        self._snapshot = snapshot.Snapshot(settings, sealer)
        self._asking = threading.Lock()
        self._failed_at = float("-inf")
        self._compared_at = float("-inf")
        self._window = float("-inf")
        self._asked = 0
        self._told: list[BoundAccount] = []

    def find(self, kind: str, appid: str, agentid: str | None = None) -> list[BoundAccount]:
        """The accounts of an address. Raises Refused for none, Unavailable when that cannot be known."""
        key = account_key(kind, appid)
        found = _of_app(self._snapshot.find(kind, key), agentid)
        if not found:
            known = [account for account in self._ask() if (account.kind, account.key) == (kind, key)]
            found = _of_app(known, agentid)
        if not found:
            raise Refused("account", "no account is bound to this address")
        return found

    def changed(self) -> bool:
        """Whether the database knows accounts otherwise than the snapshot did; asked now and then only."""
        now = clock.monotonic()
        if now < self._compared_at + PAUSE:
            return False
        self._compared_at = now
        before = self._snapshot.accounts()
        try:
            return self._ask() != before
        except Unavailable:
            return False

    def _ask(self) -> list[BoundAccount]:
        """All accounts of the database; the snapshot is written anew when they differ.

        Strangers can make up addresses faster than a database should be asked: then what it said last
        counts. Raises Unavailable.
        """
        if self._often():
            return self._told
        if clock.monotonic() < self._failed_at + PAUSE or not self._asking.acquire(timeout=PATIENCE):
            raise Unavailable("the account is not in the snapshot and the database does not answer")
        try:
            with self._app.app_context(), reading() as session:
                self._told = snapshot.refresh(session, self._settings, self._sealer)
            return self._told
        except (SQLAlchemyError, WxtagError) as error:
            self._failed_at = clock.monotonic()
            raise Unavailable(
                f"the account is not in the snapshot and the database cannot be asked: {type(error).__name__}"
            ) from error
        finally:
            self._asking.release()

    def _often(self) -> bool:
        """Whether this second has had its questions."""
        now = clock.monotonic()
        if now >= self._window + PAUSE:
            self._window, self._asked = now, 0
        self._asked += 1
        return self._asked > MOST


def _of_app(accounts: list[BoundAccount], agentid: str | None) -> list[BoundAccount]:
    if agentid is None:
        return accounts
    return [account for account in accounts if str(account.agentid) == agentid]
