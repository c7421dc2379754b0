"""What people's devices tell us: the account behind an address, and the spool before the answer."""

import json
from typing import Any

from flask import current_app

from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.snapshot import Snapshot
from wxtag.spool import spool_of
from wxtag.spooling import SpoolRecord

SNAPSHOT = "wxtag_devices_snapshot"


def account_of(kind: str, appid: str) -> BoundAccount | None:
    """The account; known from the sealed snapshot, so that no database is needed."""
    accounts = _snapshot().find(kind, appid)
    return accounts[0] if accounts else None


def keep(account: BoundAccount, source: str, event: str, body: dict[str, Any], now: int) -> None:
    """On the disk before the answer. Raises Unavailable, which is answered 503."""
    record = SpoolRecord(
        account_id=account.id,
        company_id=account.company_id,
        source=source,
        body=json.dumps(body, ensure_ascii=False).encode(),
        received_at=now,
        event=event,
    )
    spool_of(core().settings).put(record)


def _snapshot() -> Snapshot:
    """One for the application: it reads its file only when that has changed."""
    found = current_app.extensions.setdefault(SNAPSHOT, Snapshot(core().settings, core().sealer))
    assert isinstance(found, Snapshot)
    return found
