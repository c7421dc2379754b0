"""Saves the world to a directory soon after a change: only the rows that changed, in one SQLite file."""

import contextlib
import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from wxtag.sandbox.edge import Edge
from wxtag.sandbox.world import Doc, World

_FILE, _OLDER_FILE = "sandbox.db", "sandbox.json"
_PAUSE = 0.5
# What is not in a table of rows is one document; it may take this share of the time.
_SHARE = 20
_BIG = ("people", "fans", "ledger")
_TABLE = """CREATE TABLE IF NOT EXISTS world (
  seq INTEGER PRIMARY KEY, kind TEXT, owner TEXT, name TEXT, value TEXT, UNIQUE (kind, owner, name))"""
_PUT = """INSERT INTO world (kind, owner, name, value) VALUES (?, ?, ?, ?)
  ON CONFLICT (kind, owner, name) DO UPDATE SET value = excluded.value"""
_DROP = "DELETE FROM world WHERE kind = ? AND owner = ? AND name = ?"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Edge):
        return value.plain()
    raise TypeError(f"cannot be saved: {value!r}")


class Store:
    """A crash leaves a whole state, of half a second ago at most."""

    def __init__(self, world: World, state_dir: str | None) -> None:
        self._world = world
        self._folder = Path(state_dir) if state_dir else None
        self._saved = -1
        self._next_rest = 0.0
        self._stop = threading.Event()
        self._saving = threading.Lock()
        self._thread: threading.Thread | None = None

    def load(self) -> bool:
        """True when there was a saved world to go on with."""
        if self._folder is None:
            return False
        older = self._folder / _OLDER_FILE
        if (self._folder / _FILE).exists():
            with contextlib.closing(self._connect()) as db:
                rows = db.execute("SELECT kind, owner, name, value FROM world ORDER BY seq").fetchall()
            if rows:
                self._world.replace(_world_of(rows))
                self._world.all_dirty = False
                self._world.dirty.clear()
                return True
        if older.exists():
            self._world.replace(json.loads(older.read_text(encoding="utf-8")))
            return True
        return False

    def _connect(self) -> sqlite3.Connection:
        assert self._folder is not None
        db = sqlite3.connect(self._folder / _FILE, timeout=30)
        # A state of half a second ago is fine after a power cut.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(_TABLE)
        return db

    def start(self) -> None:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._world.kept = True
            self._thread = threading.Thread(target=self._watch, name="sandbox-store", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(_PAUSE):
            # A full or locked disk: all is written again as soon as it works.
            with contextlib.suppress(OSError, sqlite3.Error):
                self.save()

    def save(self, everything: bool = False) -> None:
        if self._folder is None:
            return
        with self._saving:
            with self._world.lock:
                whole = self._world.all_dirty
                rows = self._all_rows() if whole else [self._row(*key) for key in self._world.dirty]
                self._world.dirty = set()
                self._world.all_dirty = False
                changes, now = self._world.changes, time.monotonic()
                if changes != self._saved and (whole or everything or now >= self._next_rest):
                    rows.append(("rest", "", "", _text(self._rest())))
                    self._next_rest = time.monotonic() + _SHARE * (time.monotonic() - now)
                    self._saved = changes
            if rows or whole:
                self._write(rows, whole)

    def _write(self, rows: list[tuple[str, str, str, str | None]], whole: bool) -> None:
        try:
            with contextlib.closing(self._connect()) as db, db:
                if whole:
                    db.execute("DELETE FROM world")
                db.executemany(_PUT, [row for row in rows if row[3] is not None])
                db.executemany(_DROP, [row[:3] for row in rows if row[3] is None])
        except (OSError, sqlite3.Error):
            self._world.all_dirty = True
            self._saved = -1
            raise

    def _row(self, kind: str, owner: str, name: str) -> tuple[str, str, str, str | None]:
        """One row as it is now; without a value when it is gone."""
        data, value = self._world.data, None
        if kind == "person":
            value = data["people"].get(name)
        elif kind == "fan":
            value = data["fans"].get(owner, {}).get(name)
        else:
            member, _, key = name.partition("|")
            edge = data["corps"].get(owner, {"edges": {}})["edges"].get(member, {}).get(key)
            value = {"edge": edge, "ledger": data["ledger"].get(owner, {}).get(name)}
        return kind, owner, name, None if value is None else _text(value)

    def _all_rows(self) -> list[tuple[str, str, str, str | None]]:
        data = self._world.data
        keys = [("person", "", name) for name in data["people"]]
        keys += [("fan", appid, openid) for appid, fans in data["fans"].items() for openid in fans]
        relations = {
            (corpid, f"{member}|{key}"): None
            for corpid, corp in data["corps"].items()
            for member, edges in corp["edges"].items()
            for key in edges
        }
        relations |= {(corpid, name): None for corpid, rows in data["ledger"].items() for name in rows}
        keys += [("edge", corpid, name) for corpid, name in relations]
        return [self._row(*key) for key in keys]

    def _rest(self) -> Doc:
        data = self._world.data
        rest = {key: value for key, value in data.items() if key not in _BIG}
        rest["fans"] = {appid: {} for appid in data["fans"]}
        rest["corps"] = {
            corpid: {**corp, "edges": {member: {} for member in corp["edges"]}}
            for corpid, corp in data["corps"].items()
        }
        return rest

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=60)
        with contextlib.suppress(OSError, sqlite3.Error):
            self.save(everything=True)


def _world_of(rows: list[tuple[str, str, str, str]]) -> Doc:
    """The document with its tables filled, each in the order in which its rows came."""
    data: Doc = next((json.loads(value) for kind, _, _, value in rows if kind == "rest"), {})
    for key in _BIG:
        data.setdefault(key, {})
    for kind, owner, name, text in rows:
        value = json.loads(text)
        if kind == "person":
            data["people"][name] = value
        elif kind == "fan":
            data["fans"].setdefault(owner, {})[name] = value
        elif kind == "edge":
            member, _, key = name.partition("|")
            if value["edge"] is not None and owner in data["corps"]:
                data["corps"][owner]["edges"].setdefault(member, {})[key] = value["edge"]
            if value["ledger"] is not None:
                data["ledger"].setdefault(owner, {})[name] = value["ledger"]
    for appid, fans in data["fans"].items():
        # Who followed again goes to the end of the list.
        data["fans"][appid] = dict(sorted(fans.items(), key=lambda row: int(row[1]["subscribe_time"])))
    return data
