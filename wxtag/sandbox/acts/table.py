"""The table of acts by verb."""

from collections.abc import Callable
from typing import Any

from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.world import Doc

Act = Callable[[Sandbox, Doc], Doc]
acts: dict[str, Act] = {}


def act(verb: str) -> Callable[[Act], Act]:
    def keep(run: Act) -> Act:
        acts[verb] = run
        return run

    return keep


def texts_of(value: Any) -> list[str]:
    """A list of texts from a list, one text, or nothing."""
    if value in (None, ""):
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
