"""Lists that are paged: what a cursor belongs to, so that a page costs its own length and not the list's."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from wxtag.sandbox.errors import ApiError

MOST = 500


class Snapshots:
    """The list as it was on its first page; the oldest lists are forgotten, and their cursors with them."""

    def __init__(self, seconds: Callable[[], float] = lambda: 0) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds
        self._kept: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def keep(self, subject: str, rows: Any, start: int) -> str:
        """The cursor of the page that begins at `start`; empty when the list ends before."""
        if start >= len(rows):
            return ""
        with self._lock:
            for key, (whose, known) in reversed(self._kept.items()):
                if known is rows and whose == subject:
                    return f"{key}.{start}.{int(time.monotonic())}"
            key = secrets.token_urlsafe(18)
            self._kept[key] = (subject, rows)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return f"{key}.{start}.{int(time.monotonic())}"

    def find(self, subject: str, cursor: Any) -> tuple[Any, int]:
        """The list and where to go on; 50100 for a cursor of something else, or one too old."""
        key, start, made = ([*str(cursor).split("."), "", ""])[:3]
        most = self._seconds()
        with self._lock:
            whose, rows = self._kept.get(key, ("", None))
            old = most and made.isdigit() and time.monotonic() - int(made) > most
            if rows is None or whose != subject or not start.isdigit() or old:
                raise ApiError(50100)
            self._kept.move_to_end(key)
        return rows, int(start)

    def remember(self, key: str, rows: Any) -> None:
        """For lists that go on after a value of theirs instead of a cursor."""
        with self._lock:
            self._kept[key] = (key, rows)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def recall(self, key: str) -> Any:
        with self._lock:
            return self._kept.get(key, ("", None))[1]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
