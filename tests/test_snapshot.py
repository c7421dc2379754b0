"""The sealed snapshot: what the doors know of the accounts when the database is down."""

import logging
import stat
from pathlib import Path

import pytest
from apiflask import APIFlask

from config import Settings
from tests.callbacks.playing import CORP, OA, TOKEN, account, accounts
from tests.conftest import SECRET_KEY
from wxtag.app import core
from wxtag.companies import bind, make_company
from wxtag.database import reading, writing
from wxtag.sealing import Sealer
from wxtag.snapshot import FILE, Snapshot, refresh, write


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", secret_key=SECRET_KEY)


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(SECRET_KEY)


def test_what_was_written_is_found(here: Settings, sealer: Sealer) -> None:
    write(here, sealer, accounts())
    snapshot = Snapshot(here, sealer)
    assert [found.agentid for found in snapshot.find("wecom", CORP)] == [1000001, 1000002]
    assert snapshot.find("official_account", OA)[0].token == TOKEN
    assert snapshot.find("mini_program", OA) == []
    assert snapshot.accounts() == accounts()


def test_it_is_sealed_and_its_owners_alone(here: Settings, sealer: Sealer) -> None:
    write(here, sealer, accounts())
    path = here.data_dir / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert TOKEN.encode() not in path.read_bytes() and OA.encode() not in path.read_bytes()
    assert [entry.name for entry in here.data_dir.iterdir()] == [FILE]


def test_a_new_one_is_seen_at_once_and_read_once(
    here: Settings, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here, sealer, [account("official_account", OA)])
    snapshot = Snapshot(here, sealer)
    assert snapshot.find("official_account", OA)[0].token == TOKEN
    write(here, sealer, [account("official_account", OA, token="another")])
    assert snapshot.find("official_account", OA)[0].token == "another"
    monkeypatch.setattr(Sealer, "open_bytes", lambda *_: pytest.fail("read again though nothing changed"))
    assert snapshot.find("official_account", OA)[0].token == "another"


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "changed", "another key", "a folder"])
def test_a_broken_one_is_empty_and_said(
    here: Settings, sealer: Sealer, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = here.data_dir / FILE
    write(here, Sealer("x" * 40) if damage == "another key" else sealer, accounts())
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(whole[:-5])
    elif damage == "changed":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif damage == "a folder":
        path.unlink()
        path.mkdir()
    with caplog.at_level(logging.ERROR):
        assert Snapshot(here, sealer).find("official_account", OA) == []
    assert (damage == "missing") == (not caplog.records)
    assert TOKEN not in caplog.text


def test_refresh_writes_what_the_database_knows_and_only_then(app: APIFlask, settings: Settings) -> None:
    sealer = core().sealer
    with writing() as session:
        company = make_company(session, sealer)
        document = {
            "kind": "official_account",
            "appid": OA,
            "secret": "s",
            "token": TOKEN,
            "aes_key": "a" * 43,
        }
        bind(session, sealer, company, document)
    with reading() as session:
        assert [found.appid for found in refresh(session, settings, sealer)] == [OA]
    path = settings.data_dir / FILE
    inode = path.stat().st_ino
    with reading() as session:
        refresh(session, settings, sealer)
    assert path.stat().st_ino == inode
    with writing() as session:
        bind(session, sealer, company, {**document, "token": "changed"})
        refresh(session, settings, sealer)
    assert Snapshot(settings, sealer).find("official_account", OA)[0].token == "changed"
