"""What we are sending to a relation and cannot be sure of yet: begun before the call, ended by a reading.

An intent is the JSON of `Push.intent`: `add`, `remove` and `at`, when the call began; `answered` when WeCom
said ok, `lost` when nobody knows, neither while the call is under way. What was sent before and is not proven
yet stays in the lists. See docs/decisions/0013.
"""

from collections.abc import Iterable
from typing import Any

PROOF_MS = 5_000
"""So long after an ok the relation is read again: WeCom says ok without effect, or shows the effect late."""
LATE_MS = 30_000
"""A call whose answer was lost may still take effect for so long."""

Intent = dict[str, Any]


def begun(old: Intent | None, add: Iterable[str], remove: Iterable[str], now: int) -> Intent:
    """A call begins, on top of what is not proven of earlier ones."""
    old = old or {}
    intent: Intent = {
        "add": sorted({*old.get("add", ()), *add}),
        "remove": sorted({*old.get("remove", ()), *remove}),
        "at": now,
    }
    if old and under_way(old):
        intent["lost"] = old["at"]  # its sender died
    return {name: old[name] for name in ("lost", "vain") if name in old} | intent


def answered(intent: Intent, now: int) -> Intent:
    """WeCom said ok."""
    return _without(intent, "edited", "doubted") | {"answered": now}


def lost(intent: Intent, now: int) -> Intent:
    """No answer came: it may have been done, or be done yet."""
    return intent | {"lost": now}


def edited(intent: Intent, now: int) -> Intent:
    """WeCom reported that staff edited this contact since."""
    return intent | {"edited": now}


def doubted(intent: Intent, now: int) -> Intent:
    """A reading did not show what WeCom had said ok to: it is read once more before that counts."""
    return intent | {"doubted": now}


def in_vain(intent: Intent) -> Intent:
    """It had no effect, or one that may still come."""
    begun_at = intent["at"]
    return _without(intent, "answered", "edited", "doubted") | {
        "lost": begun_at,
        "vain": intent.get("vain", 0) + 1,
    }


def under_way(intent: Intent) -> bool:
    """Nothing is known of the newest call yet."""
    return "answered" not in intent and intent.get("lost", -1) < intent["at"]


def known_at(intent: Intent) -> int:
    """A reading that was asked for before this moment says nothing about it."""
    return max(int(intent["at"]), int(intent.get("answered", 0)))


def proven_at(intent: Intent) -> int:
    """A reading that was asked for at this moment or later, and shows what was sent, ends it."""
    late: int = intent["lost"] + LATE_MS if "lost" in intent else 0
    return max(known_at(intent), late)


def sent(intent: Intent | None) -> set[str]:
    """The tags that it is about."""
    return {*intent["add"], *intent["remove"]} if intent else set()


def _without(intent: Intent, *names: str) -> Intent:
    return {name: value for name, value in intent.items() if name not in names}
