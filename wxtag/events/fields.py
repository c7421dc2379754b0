"""Takes values out of foreign messages: XML gives text, JSON gives anything, both may lack everything."""

from typing import Any

from wxtag.errors import InputError
from wxtag.events.decoded import IdentityKey, identity

MAX_MS = 4_102_444_800_000  # the year 2100


def text(content: dict[str, Any], *names: str) -> str:
    """The first of these fields that holds text or a number, stripped; "" when none does."""
    for name in names:
        value = content.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def part(content: dict[str, Any], name: str) -> dict[str, Any]:
    """The object in a field; an empty one when there is none."""
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def parts(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a field's list; whatever else stands in it is left out."""
    value = content.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def several(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a field that repeats: a list, or the thing itself when there is one only."""
    return [part(content, name)] if isinstance(content.get(name), dict) else parts(content, name)


def number(content: dict[str, Any], name: str) -> float | None:
    """A field as a number; None for what is not one (or not a real one)."""
    try:
        value = float(text(content, name))
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None


def happened_at(content: dict[str, Any], received_at: int) -> int:
    """When the platform says it happened, in milliseconds; when it says nothing usable, when it came.

    Never later than it came: with a clock behind the platform's the newest event would not count yet.
    """
    seconds = number(content, "CreateTime")
    if seconds is None or not 0 < seconds * 1000 < MAX_MS:
        return received_at
    return min(int(seconds * 1000), received_at)


def required(kind: str, scope: str, content: dict[str, Any], field: str) -> IdentityKey:
    """The id in a field without which the message has no meaning. Raises InputError."""
    found = identity(kind, scope, text(content, field))
    if found is None:
        raise InputError(f"{field} is {content.get(field)!r}: expected {kind}; the message says of nobody")
    return found
