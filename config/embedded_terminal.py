"""What the embedded edition writes to the terminal: each line with the name of who says it."""

import contextlib
import os
import sys
import threading

COLOURS = {"redis": 31, "sandbox": 35, "setup": 33, "web": 36, "worker": 32, "clock": 34, "story": 33}
WIDTH = 8
_lock = threading.Lock()


def say(name: str, text: str) -> None:
    """One line (or several) under that name. A terminal that went away is no reason to fail."""
    colour = COLOURS.get(name) if _colourful() else None
    label = f"{name:<{WIDTH}}│ "
    if colour:
        label = f"\x1b[{colour}m{label}\x1b[0m"
    with _lock, contextlib.suppress(OSError, ValueError):
        for line in text.splitlines() or [""]:
            sys.stdout.write(f"{label}{line}\n")
        sys.stdout.flush()


def _colourful() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
