"""The log of interface calls: a ring, with secrets and tokens blotted out."""

import threading
import time
from collections import defaultdict, deque
from typing import Any

from wxtag.sandbox.tally import CallCounts, Peaks

RING = 20_000
_SECRET_KEYS = {
    "secret", "corpsecret", "access_token", "appsecret", "refresh_token", "session_key", "js_code", "code",
}  # fmt: skip


def redact(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "***" if key in _SECRET_KEYS else redact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redact(item) for item in value]
    return value


class CallLog:
    """Numbered entries, and how many calls of an interface ran at the same time at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ring: deque[dict[str, Any]] = deque(maxlen=RING)
        self._next = 1
        self._flying: dict[str, int] = defaultdict(int)
        self._peak: dict[str, int] = {}
        self.counts, self.peaks = CallCounts(), Peaks()

    def begin(self, api: str) -> float:
        with self._lock:
            self._flying[api] += 1
            self._peak[api] = max(self._peak.get(api, 0), self._flying[api])
        return time.monotonic()

    def end(self, api: str, began: float, entry: dict[str, Any]) -> None:
        spent = round((time.monotonic() - began) * 1000, 1)
        self.counts.add(entry["platform"], api, entry["errcode"], entry.get("fault"), spent)
        with self._lock:
            self._flying[api] -= 1
            self._ring.append({"n": self._next, **entry, "ms": spent})
            self._next += 1

    def shown(self, since: int, api: str | None) -> dict[str, Any]:
        with self._lock:
            calls = [
                entry for entry in self._ring if entry["n"] >= since and (not api or entry["api"] == api)
            ]
            return {"calls": calls, "next": self._next, "max_parallel": dict(self._peak)}

    def clear(self) -> None:
        with self._lock:
            self._ring.clear()
            self._peak.clear()
        self.counts.clear()
        self.peaks.clear()
