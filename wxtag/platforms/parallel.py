"""Several calls to a platform at a time, but never two for one customer."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

from flask import Flask, current_app

from wxtag.app import core

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_writes(
    items: Iterable[Item],
    key: Callable[[Item], Hashable],
    work: Callable[[Item], Result],
    parallel: int | None = None,
) -> Iterator[list[tuple[Item, Result | Exception]]]:
    """Yields what is done in lists: all that ended since the last one, so that it can be kept together.

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

    try:
        fill()
        while waiting:
            several = [done.get()]
            while not done.empty():
                several.append(done.get())
            for item, _ in several:
                behind = waiting[key(item)]
                if behind:
                    pool.submit(run, behind.popleft())
                else:
                    del waiting[key(item)]
            fill()
            yield several
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
