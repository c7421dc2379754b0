"""The worker: `python -m workers`. Any number, on any host; runs the jobs that the bell rings for."""

import logging
import os
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker

from config import load
from config import logging as log_setup
from workers import jobs, memory
from workers.heartbeat import beat_in_database, beat_in_redis
from wxtag import clock
from wxtag.app import core, create_core
from wxtag.bell import QUEUE
from wxtag.claims import leave
from wxtag.models import db

log = logging.getLogger("workers")


class Worker(SimpleWorker):
    """Runs jobs in this process: they are batches, and a fork for each would cost more than the work.

    The short times make RQ notice within a minute or so that a killed worker will not finish its job; who
    waits for it is not RQ but the rows, which wxtag/claims.py frees within seconds.
    """

    max_connection_wait_time = 2.0
    """RQ's own minute would leave the work lying for as long after Redis is back."""

    def __init__(self, *args: Any, **more: Any) -> None:
        more.setdefault("worker_ttl", 30)
        more.setdefault("maintenance_interval", 10)
        more.setdefault("job_monitoring_interval", 5)
        super().__init__(*args, **more)

    told_to_stop = False

    def handle_warm_shutdown_request(self) -> None:
        self.told_to_stop = True
        super().handle_warm_shutdown_request()

    def perform_job(self, *args: Any, **more: Any) -> bool:
        try:
            return bool(super().perform_job(*args, **more))
        finally:
            db.session.remove()


def main() -> int:
    app = create_core(load())
    with app.app_context():
        log_setup.setup(core().settings, "worker")
        memory.settle()
        beat_in_redis(app, "worker")
        beat_in_database(app)
        for beside in (jobs.questions, jobs.pushes):
            beside.start(app)
        while True:
            try:
                # A connection of its own: RQ waits on it for longer than the time-out of the others.
                redis = Redis.from_url(core().settings.redis_url, socket_connect_timeout=3)
                name = f"wxtag-{os.getpid()}-{clock.now()}"
                worker = Worker([Queue(QUEUE, connection=redis)], connection=redis, name=name)
                worker.work(logging_level="WARNING")
                if worker.told_to_stop:
                    for beside in (jobs.questions, jobs.pushes):
                        beside.stop()
                    leave()
                    return 0
                # RQ gives up where Redis was emptied, or hung, under the job that it was at.
                log.warning("RQ gave up; beginning again")
                clock.sleep(1)
            except RedisError as error:
                # Nothing is lost: what has to be done stands in the database.
                log.warning("Redis cannot be reached (%s); trying again", type(error).__name__)
                clock.sleep(2)


if __name__ == "__main__":
    raise SystemExit(main())
