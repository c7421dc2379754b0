"""Calls at a gentle rate: bursts are short, and the long run stays far below the platforms' limits."""

from wxtag import clock

A_MINUTE = 480
"""WeCom allows 10,000 a minute for each interface, an Official Account as few as 600."""
BURST = 30


class Pace:
    """Lets calls through at once until they come faster than they may; then makes them wait."""

    def __init__(self, a_minute: int = A_MINUTE, burst: int = BURST) -> None:
        self._seconds, self._allowance = 60.0 / a_minute, burst * 60.0 / a_minute
        self._free_at = 0.0

    def wait(self) -> None:
        """Returns when the next call may be made."""
        now = clock.monotonic()
        self._free_at = max(self._free_at, now - self._allowance) + self._seconds
        if self._free_at > now:
            clock.sleep(self._free_at - now)
