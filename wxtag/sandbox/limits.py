"""Frequency windows that block when exceeded, and the count of calls in flight."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Windows:
    """Fixed windows a key; after an excess the key is blocked for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, int], tuple[int, int]] = {}
        self._blocked: dict[tuple[str, int], float] = {}
        self._ordered: dict[str, int] = {}

    def exceeded(self, key: str, length: int, limit: int, now: float, block: float = 0) -> bool:
        """Counts one call; true when the window is full or still blocked."""
        slot = (key, length)
        with self._lock:
            if self._blocked.get(slot, 0) > now:
                return True
            self._ordered.pop(key, None)
            window = int(now // length)
            begun, count = self._counts.get(slot, (window, 0))
            count = count + 1 if begun == window else 1
            self._counts[slot] = (window, count)
            if count <= limit:
                return False
            self._blocked[slot] = now + (block or length)
            # The block over, counting starts afresh.
            del self._counts[slot]
            return True

    def block(self, key: str, length: int, until: float, code: int) -> None:
        """Refuses the key until then with that code, whatever its count is."""
        with self._lock:
            self._blocked[(key, length)] = until
            self._ordered[key] = code

    def code(self, key: str, usual: int) -> int:
        """The code of a refusal: the ordered one while a block that was ordered lasts."""
        with self._lock:
            return self._ordered.get(key, usual)

    def unblock(self) -> None:
        with self._lock:
            self._blocked.clear()
            self._ordered.clear()

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
            self._blocked.clear()
            self._ordered.clear()


class Flights:
    """How many calls with a key are under way just now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[str, int] = defaultdict(int)

    @contextmanager
    def one(self, key: str) -> Iterator[int]:
        """Enters a call; gives how many there are with it."""
        with self._lock:
            self._flying[key] += 1
            count = self._flying[key]
        try:
            yield count
        finally:
            with self._lock:
                self._flying[key] -= 1
                if not self._flying[key]:
                    del self._flying[key]
