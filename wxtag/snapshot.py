"""The sealed snapshot of all accounts, so that the doors need no database to know the platforms' keys."""

import json
import logging
import os
import secrets
from dataclasses import asdict
from pathlib import Path

from sqlalchemy.orm import Session

from config import Settings
from wxtag.accounts import BoundAccount
from wxtag.companies import all_opened
from wxtag.durable import sync, sync_directory
from wxtag.errors import WxtagError
from wxtag.sealing import Sealer

FILE = "accounts.sealed"
PURPOSE = "accounts snapshot"
log = logging.getLogger(__name__)


def write(settings: Settings, sealer: Sealer, accounts: list[BoundAccount]) -> None:
    """Replaces the snapshot whole; a reader sees the old one or the new one. Raises OSError."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(account) for account in accounts], ensure_ascii=False)
    sealed = sealer.seal_bytes(text.encode(), PURPOSE)
    fresh = settings.data_dir / f".{FILE}.{secrets.token_hex(8)}"
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(sealed)
            file.flush()
            sync(file.fileno())
        fresh.replace(settings.data_dir / FILE)
    finally:
        fresh.unlink(missing_ok=True)
    sync_directory(settings.data_dir)


def refresh(session: Session, settings: Settings, sealer: Sealer) -> list[BoundAccount]:
    """All accounts as the database knows them; writes the snapshot when it says something else.

    Call it after every binding. A snapshot that cannot be written is said and tried again later.
    """
    accounts = all_opened(session, sealer)
    known = Snapshot(settings, sealer)
    if known.accounts() != accounts or not known.newest():
        try:
            write(settings, sealer, accounts)
        except OSError as error:
            log.error("the snapshot of the accounts cannot be written to %s: %s", settings.data_dir, error)
    return accounts


class Snapshot:
    """Reads the snapshot, again only when the file has changed. A missing or broken one is empty."""

    def __init__(self, settings: Settings, sealer: Sealer) -> None:
        self._path = settings.data_dir / FILE
        self._sealer = sealer
        self._read: tuple[tuple[int, int, int], dict[tuple[str, str], list[BoundAccount]]] = ((0, 0, 0), {})

    def find(self, kind: str, key: str) -> list[BoundAccount]:
        """The accounts of that appid or folded corpid; several where a corp has several apps."""
        return self._current().get((kind, key), [])

    def accounts(self) -> list[BoundAccount]:
        """All of them, by id."""
        found = [account for accounts in self._current().values() for account in accounts]
        return sorted(found, key=lambda account: account.id)

    def newest(self) -> bool:
        """Whether it is sealed with the newest key; an older one may soon be taken away."""
        try:
            with self._path.open("rb") as file:
                return file.read(len(self._sealer.mark)) == self._sealer.mark
        except OSError:
            return False

    def _current(self) -> dict[tuple[str, str], list[BoundAccount]]:
        try:
            stat = self._path.stat()
        except OSError:
            return {}
        version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        seen, accounts = self._read
        if version != seen:
            accounts = _by_key(_opened(self._path, self._sealer))
            self._read = (version, accounts)
        return accounts


def _opened(path: Path, sealer: Sealer) -> list[BoundAccount]:
    try:
        return [BoundAccount(**row) for row in json.loads(sealer.open_bytes(path.read_bytes(), PURPOSE))]
    except (OSError, ValueError, TypeError, WxtagError) as error:
        log.error("the snapshot %s cannot be read and is taken for empty: %s", path, error)
        return []


def _by_key(accounts: list[BoundAccount]) -> dict[tuple[str, str], list[BoundAccount]]:
    found: dict[tuple[str, str], list[BoundAccount]] = {}
    for account in accounts:
        found.setdefault((account.kind, account.key), []).append(account)
    return found
