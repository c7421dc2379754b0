"""Counting who asks how often: by the minute, for themselves, and in bounded memory."""

import pytest
from flask import Flask

from wxtag import clock
from wxtag.web import limits
from wxtag.web.errors import Problem


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch):
    class Minute:
        now = 0.0

    monkeypatch.setattr(clock, "monotonic", lambda: Minute.now)
    return Minute


def asked(address: str) -> str:
    with Flask("x").test_request_context(environ_base={"REMOTE_ADDR": address}):
        return limits.address()


def test_a_new_minute_begins_at_nought(minute):
    with Flask("x").app_context():
        for _ in range(3):
            limits.slow_down("x", "a", 3)
        with pytest.raises(Problem) as refused:
            limits.slow_down("x", "a", 3)
        assert refused.value.status == 429
        limits.slow_down("x", "b", 3)
        limits.slow_down("y", "a", 3)
        minute.now = 60.0
        limits.slow_down("x", "a", 3)


def test_only_failures_close(minute):
    with Flask("x").app_context():
        for _ in range(5):
            limits.closed_after("x", "a", 1)
        limits.failed("x", "a")
        with pytest.raises(Problem):
            limits.closed_after("x", "a", 1)


def test_any_number_of_askers_takes_bounded_memory(minute):
    counts = limits.Limits()
    for number in range(3 * limits.MOST_KEPT):
        counts.count("x", str(number))
    size = len(counts._counts)  # by itself: pytest would show all of them
    assert size <= limits.MOST_KEPT


def test_a_subscriber_is_one_whatever_address_of_theirs_they_use():
    assert asked("192.0.2.1") != asked("192.0.2.2")
    assert asked("2001:db8:1:2::1") == asked("2001:db8:1:2:ffff::9") != asked("2001:db8:1:3::1")
    assert asked("no address " * 20) == ("no address " * 20)[:64]
