"""How often one person, or one address, may ask within a minute; each web process counts for itself."""

import ipaddress
import threading
from collections import Counter

from flask import current_app, request

from wxtag import clock, texts
from wxtag.web.errors import Problem

EXTENSION = "wxtag_limits"
MOST_KEPT = 50_000
"""Askers that are remembered; with more of them all are forgotten, so that memory does not grow."""


class Limits:
    """The counts of the current minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = -1
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, what: str, who: str, add: int = 1) -> int:
        """Adds to the count and returns it."""
        minute = int(clock.monotonic() // 60)
        with self._lock:
            if minute != self._minute or len(self._counts) >= MOST_KEPT:
                self._minute = minute
                self._counts.clear()
            if add:
                self._counts[what, who] += add
            return self._counts[what, who]


def slow_down(what: str, who: str, most: int) -> None:
    """Counts this request. Raises Problem 429 from the one after `most` in a minute on."""
    if _limits().count(what, who) > most:
        raise Problem(429, texts.TOO_OFTEN)


def closed_after(what: str, who: str, most: int) -> None:
    """Raises Problem 429 when `most` failures were counted in this minute (see `failed`)."""
    if _limits().count(what, who, 0) >= most:
        raise Problem(429, texts.TOO_OFTEN)


def failed(what: str, who: str) -> None:
    _limits().count(what, who)


def address() -> str:
    """Where the request comes from; of IPv6 the network, since one subscriber has all addresses in it."""
    text = request.remote_addr or ""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if found.version == 4:
        return text
    return str(ipaddress.ip_network((found, 64), strict=False))


def _limits() -> Limits:
    found = current_app.extensions.setdefault(EXTENSION, Limits())
    assert isinstance(found, Limits)
    return found
