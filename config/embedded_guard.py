"""Stops the servers when the embedded edition itself was killed and cannot do it any more.

It is told of each server on its stdin (`+PID`, `-PID`). The end of that stream means that the embedded
edition is gone; whatever is still listed is then stopped, last started first, so that Redis is the last.
"""

import contextlib
import os
import signal
import sys
import time

PATIENCE = 10.0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.append(group)
        elif group in groups:
            groups.remove(group)
    for group in reversed(groups):
        stop(group)


def stop(group: int) -> None:
    """Asks a process group to end, and ends it when it does not."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            os.killpg(group, 0)  # raises when all of it is gone
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
