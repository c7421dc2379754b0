"""Writes: several at a time, never two for one customer."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeVar

import pytest
from apiflask import APIFlask
from flask import current_app

from wxtag.app import core
from wxtag.platforms import run_writes

Outcome = TypeVar("Outcome")


def each(several: Iterable[list[Outcome]]) -> Iterator[Outcome]:
    return chain.from_iterable(several)


class Watch:
    """How many run at once, altogether and for one customer."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: Counter[str] = Counter()
        self.most = self.most_for_one = 0
        self.order: list[tuple[str, int]] = []

    def work(self, item: tuple[str, int]) -> int:
        with self.lock:
            self.running[item[0]] += 1
            self.most = max(self.most, self.running.total())
            self.most_for_one = max(self.most_for_one, self.running[item[0]])
        time.sleep(0.02)
        with self.lock:
            self.running[item[0]] -= 1
            self.order.append(item)
        return item[1] * 10


def test_equal_keys_run_one_after_the_other_in_their_order(here: APIFlask) -> None:
    watch = Watch()
    items = [(f"wm{n // 4}", n) for n in range(24)]
    results = list(each(run_writes(items, key=lambda item: item[0], work=watch.work, parallel=3)))
    assert sorted(item for item, _ in results) == sorted(items)
    assert all(result == item[1] * 10 for item, result in results)
    assert watch.most_for_one == 1 and watch.most == 3
    for customer in {item[0] for item in items}:
        own = [n for key, n in watch.order if key == customer]
        assert own == sorted(own)


def test_the_setting_is_the_bound(here: APIFlask) -> None:
    watch = Watch()
    list(run_writes([(f"wm{n}", n) for n in range(12)], key=lambda item: item[0], work=watch.work))
    assert watch.most == core().settings.wecom_parallel == 4


def test_one_failure_is_handed_over_and_stops_nothing(here: APIFlask) -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ValueError("bad one")
        return item

    results = dict(each(run_writes([1, 2, 3], key=lambda item: "the same", work=work)))
    assert results[1] == 1 and results[3] == 3
    assert isinstance(results[2], ValueError)


def test_work_runs_in_a_context_of_the_same_app(here: APIFlask) -> None:
    def work(_: int) -> tuple[object, int]:
        return current_app._get_current_object(), threading.get_ident()  # type: ignore[attr-defined]

    [[(_, found)]] = run_writes([1], key=lambda item: item, work=work)
    assert not isinstance(found, Exception)
    assert found[0] is here and found[1] != threading.get_ident()


def test_results_come_as_they_are_done(here: APIFlask) -> None:
    first_seen = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            assert first_seen.wait(5)
        return item

    seen = []
    for item, result in each(run_writes([1, 2], key=lambda item: item, work=work, parallel=2)):
        assert result == item
        seen.append(item)
        first_seen.set()
    assert seen == [2, 1]


def test_who_stops_early_stops_the_rest(here: APIFlask) -> None:
    done: list[int] = []

    def work(item: int) -> None:
        done.append(item)
        time.sleep(0.01)

    results = run_writes(range(100), key=lambda item: item % 2, work=work, parallel=2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    count = len(done)
    assert count < 40
    time.sleep(0.05)
    assert len(done) == count


def test_nothing_to_do(here: APIFlask) -> None:
    assert list(run_writes([], key=lambda item: item, work=pytest.fail)) == []


def test_items_are_taken_only_when_there_is_a_place(here: APIFlask) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while len(taken) < 50:
            taken.append(len(taken))
            yield taken[-1]

    done: list[int] = []
    for several in run_writes(endless(), key=lambda item: item, work=done.append, parallel=2):
        assert several and len(taken) <= len(done) + 2
    assert done and sorted(done) == taken


def test_a_slow_call_holds_up_nobody_else(here: APIFlask) -> None:
    others = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            assert others.wait(5), "everybody waited for the slow one"
        elif item == 29:
            others.set()

    found = list(each(run_writes(range(30), key=lambda item: item, work=work, parallel=2)))
    assert found[-1] == (0, None)
