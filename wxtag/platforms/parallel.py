"""Several calls to a platform at a time, but never two for one customer."""

import contextlib
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeVar

from flask import Flask, current_app

from wxtag import clock
from wxtag.app import core

GATHER_SECONDS = 0.05
"""One transaction for what ends within this time; the places of the calls are not idle meanwhile."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def run_writes(
    items: Iterable[Item],
    key: Callable[[Item], Hashable],
    work: Callable[[Item], Result],
    parallel: int | None = None,
) -> Iterator[list[tuple[Item, Result | Exception]]]:
    """Yields what is done in lists: what ends within a moment comes together, so that it is kept together.

    Items with an equal `key` (the external_userid) run one after the other, in their order: WeCom answers
    45033 to two edits of one customer. At most `parallel` run at once (WXTAG_WECOM_PARALLEL). An item is
    taken from `items` only when there is a place for it, and the caller's thread takes it, so that `items`
    may read the database. Each item has an application context of its own, so `work` must not use objects
    of the caller's session. A consumer that stops early stops what has not begun. Other processes are kept
    away by the caller's lease.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    done: SimpleQueue[tuple[Item, Result | Exception]] = SimpleQueue()
    stopped = Event()

    def run(item: Item) -> None:
        if stopped.is_set():
            return
        try:
            with app.app_context():
                outcome: Result | Exception = work(item)
        except Exception as error:
            outcome = error
        done.put((item, outcome))

    size = parallel or core().settings.wecom_parallel
    pool = ThreadPoolExecutor(size, "wxtag-write")
    waiting: dict[Hashable, deque[Item]] = {}
    """Keys that are under way, with the items that wait for them."""
    rest = iter(items)

    def fill() -> None:
        while len(waiting) < size:
            try:
                item = next(rest)
            except StopIteration:
                return
            name = key(item)
            if name in waiting:
                waiting[name].append(item)
            else:
                waiting[name] = deque()
                pool.submit(run, item)

    def go_on(item: Item) -> None:
        """Its place is free: for what waits behind it, or for something new."""
        behind = waiting[key(item)]
        if behind:
            pool.submit(run, behind.popleft())
        else:
            del waiting[key(item)]
            fill()

    try:
        fill()
        while waiting:
            several = [done.get()]
            until = clock.monotonic() + GATHER_SECONDS
            go_on(several[0][0])
            while waiting and (left := until - clock.monotonic()) > 0:
                with contextlib.suppress(Empty):
                    several.append(done.get(timeout=left))
                    go_on(several[-1][0])
            yield several
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
