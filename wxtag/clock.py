"""The only place that asks what time it is; times are epoch milliseconds, a day is a local day."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds of a clock that never goes back: for waits and durations, never stored."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def local_day(moment: int, zone: ZoneInfo) -> date:
    """The local day on which `moment` (ms) falls."""
    return datetime.fromtimestamp(moment / 1000, zone).date()


def day_start(day: date, zone: ZoneInfo) -> int:
    """The first millisecond of a local day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def window_start(moment: int, days: int, zone: ZoneInfo) -> int:
    """Where `last N days` begins: the first millisecond of local day D-N+1, D being the day of `moment`."""
    return day_start(local_day(moment, zone) - timedelta(days=days - 1), zone)


def iso(moment: int, zone: ZoneInfo) -> str:
    """ISO 8601 with offset, in the configured zone, as every answer of the API shows a time."""
    return datetime.fromtimestamp(moment / 1000, zone).isoformat(timespec="milliseconds")


def parse_iso(text: str, zone: ZoneInfo) -> int:
    """Milliseconds of an ISO 8601 time; one without an offset is meant in `zone`.

    Raises ValueError for anything else.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return int(moment.astimezone(UTC).timestamp() * 1000)
