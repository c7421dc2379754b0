"""Counts that need no log: calls an interface with their codes, peaks of parallel calls, deliveries."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class CallCounts:
    """How often each interface was called, with which outcome and how long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._apis: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, platform: str, api: str, errcode: int, fault: str | None, ms: float) -> None:
        with self._lock:
            row = self._apis.get((platform, api))
            if row is None:
                row = self._apis[(platform, api)] = {
                    "count": 0, "codes": Counter(), "faults": Counter(), "ms": 0.0, "longest_ms": 0.0,
                }  # fmt: skip
            row["count"] += 1
            row["codes"][str(errcode)] += 1
            if fault:
                row["faults"][fault] += 1
            row["ms"] = round(row["ms"] + ms, 1)
            row["longest_ms"] = max(row["longest_ms"], ms)

    def shown(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        with self._lock:
            for (platform, api), row in sorted(self._apis.items()):
                plain = {**row, "codes": dict(row["codes"]), "faults": dict(row["faults"])}
                found.setdefault(platform, {})[api] = plain
        return found

    def clear(self) -> None:
        with self._lock:
            self._apis.clear()


class Peaks:
    """The most calls at one time, by kind of key; keys that never had two at once are not kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: Counter[tuple[str, str]] = Counter()
        self._peaks: dict[str, Counter[str]] = defaultdict(Counter)
        self._most: Counter[str] = Counter()

    @contextmanager
    def one(self, kind: str, key: str) -> Iterator[None]:
        slot = (kind, key)
        with self._lock:
            self._flying[slot] += 1
            now = self._flying[slot]
            self._most[kind] = max(self._most[kind], now)
            if now > 1:
                self._peaks[kind][key] = max(self._peaks[kind][key], now)
        try:
            yield
        finally:
            with self._lock:
                self._flying[slot] -= 1
                if not self._flying[slot]:
                    del self._flying[slot]

    def shown(self) -> dict[str, Any]:
        with self._lock:
            return {
                kind: {"most": most, "above_one": dict(self._peaks[kind])}
                for kind, most in sorted(self._most.items())
            }

    def clear(self) -> None:
        with self._lock:
            self._peaks.clear()
            self._most.clear()


class DeliveryCounts:
    """What became of the contents handed to the courier, over all and by account and event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: Counter[tuple[str, str, str]] = Counter()

    def add(self, account: str, event: str, what: str) -> None:
        with self._lock:
            self._rows[(account, event, what)] += 1

    def shown(self) -> dict[str, Any]:
        whole: Counter[str] = Counter()
        accounts: dict[str, Counter[str]] = defaultdict(Counter)
        events: dict[str, Counter[str]] = defaultdict(Counter)
        with self._lock:
            for (account, event, what), count in self._rows.items():
                whole[what] += count
                accounts[account][what] += count
                events[event][what] += count
        return {
            "in_all": dict(whole),
            "by_account": {key: dict(row) for key, row in sorted(accounts.items())},
            "by_event": {key: dict(row) for key, row in sorted(events.items())},
        }

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()
