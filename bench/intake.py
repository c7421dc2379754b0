"""How fast one worker takes messages in, beside an RQ SimpleWorker that runs empty jobs. Target: 10 times."""

import statistics
import time

from redis import Redis
from rq import Queue, SimpleWorker

from bench import places, traffic
from workers import jobs, memory
from wxtag import inbox
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.companies import bind, make_company, opened
from wxtag.database import reading, writing
from wxtag.models import db

TARGET = 10.0
ROUNDS = 5
MESSAGES = 3000
EMPTY_JOBS = 400


def main() -> int:
    """Prints both rates of every round and the median of the ratios; 1 when a target was missed."""
    missed = 0
    memory.settle()
    with places.redis() as redis_url:
        for kind in filter(places.available, places.KINDS):
            missed += _on(kind, redis_url)
    return int(missed > 0)


def _on(kind: str, redis_url: str) -> bool:
    print(f"{kind}: claim, decode, resolve, write, mark who was touched; lookups and pushes apart")
    print("round   messages/s   empty jobs/s   ratio")
    ratios = []
    with places.core_on(kind, redis_url):
        accounts = bound()
        for turn in range(ROUNDS):
            taken, empty = _taken_in(accounts, turn), _empty_jobs(redis_url)
            ratios.append(taken / empty)
            print(f"{turn + 1:>5}   {taken:>10.0f}   {empty:>12.0f}   {ratios[-1]:5.1f}", flush=True)
    ratio = statistics.median(ratios)
    print(f"median ratio {ratio:.1f}; target {TARGET:.0f}: " + ("reached" if ratio >= TARGET else "MISSED"))
    return ratio < TARGET


def bound() -> dict[str, BoundAccount]:
    """The accounts of the traffic, bound to a company."""
    with writing() as session:
        company = make_company(session, core().sealer)
        return {
            name: opened(bind(session, core().sealer, company, document), core().sealer)
            for name, document in traffic.documents().items()
        }


def _taken_in(accounts: dict[str, BoundAccount], turn: int) -> float:
    """Messages a second of one worker process; they stand in the inbox before the clock starts."""
    now = int(time.time() * 1000)
    numbered = enumerate(traffic.mix(MESSAGES, seed=turn, first=turn * MESSAGES), turn * MESSAGES)
    records = [(f"bench:{n}", traffic.record(accounts, sent, n, now)) for n, sent in numbered]
    for start in range(0, len(records), 500):
        inbox.accept(records[start : start + 500])
    began, done = time.perf_counter(), 0
    while found := jobs.drain():
        done += found
    elapsed = time.perf_counter() - began
    with reading() as session:
        states = inbox.counts(session, next(iter(accounts.values())).company_id)
    assert states == {"done": (turn + 1) * MESSAGES}, f"not everything was taken in: {states}"
    db.session.remove()
    return done / elapsed


def nothing() -> None:
    """An empty job."""


def _empty_jobs(redis_url: str) -> float:
    connection = Redis.from_url(redis_url)
    queue = Queue("bench", connection=connection)
    queue.enqueue_many([Queue.prepare_data("bench.intake.nothing") for _ in range(EMPTY_JOBS)])
    worker = SimpleWorker([queue], connection=connection)
    began = time.perf_counter()
    worker.work(burst=True, logging_level="ERROR")
    return EMPTY_JOBS / (time.perf_counter() - began)


if __name__ == "__main__":
    raise SystemExit(main())
