"""Several writes to WeCom at a time, but never two for one customer."""

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
) -> Iterator[tuple[Item, Result | Exception]]:
    """Yields (item, result or the exception that `work` raised) as they are done.

    Items with an equal `key` (the external_userid) run one after the other, in their order: WeCom answers
    45033 to two edits of one customer. At most `parallel` run at once (WXTAG_WECOM_PARALLEL). Each item
    has an application context of its own, so `work` must not use objects of the caller's session. A
    consumer that stops early stops what has not begun. Other processes are kept away by the caller's lease.
    """
    chains: dict[Hashable, list[Item]] = {}
    for item in items:
        chains.setdefault(key(item), []).append(item)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    done: SimpleQueue[tuple[Item, Result | Exception]] = SimpleQueue()
    stopped = Event()

    def run(chain: list[Item]) -> None:
        for item in chain:
            if stopped.is_set():
                return
            try:
                with app.app_context():
                    outcome: Result | Exception = work(item)
            except Exception as error:
                outcome = error
            done.put((item, outcome))

    pool = ThreadPoolExecutor(parallel or core().settings.wecom_parallel, "wxtag-write")
    try:
        for chain in chains.values():
            pool.submit(run, chain)
        for _ in range(sum(map(len, chains.values()))):
            yield done.get()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
