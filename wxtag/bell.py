"""The bell: tells the workers that there is work. It carries no data, and losing it costs a second."""

import logging

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

QUEUE = "wxtag"
JOBS = {"drain", "lookup", "compute", "push", "nightly", "imports"}
HEARD_WITHIN_SECONDS = 30
"""A job that did not begin for so long got lost: the bell may ring for it again."""
log = logging.getLogger(__name__)


def ring(redis: Redis, job: str, timeout: int = 600) -> bool:
    """Asks for one run of `job` (a name in workers/jobs.py); says whether one was added.

    A job that waits already is enough; one that runs is not, since it may have looked already. Without
    Redis nothing is lost: the sweep of the clock rings again, and the rows in the database are the truth.
    """
    assert job in JOBS, job
    try:
        queue = Queue(QUEUE, connection=redis)
        # An empty queue beside a flag: the job got lost, with its worker or with Redis's last second.
        if not redis.set(_flag(job), "1", nx=True, ex=HEARD_WITHIN_SECONDS) and len(queue):
            return False
        queue.enqueue(f"workers.jobs.{job}", result_ttl=0, failure_ttl=0, job_timeout=timeout)
    except RedisError as error:
        log.warning("the bell for %s did not ring (%s): the sweep will", job, type(error).__name__)
        return False
    return True


def heard(redis: Redis, job: str) -> None:
    """A run of `job` begins: from now on the bell may ring for the next one."""
    try:
        redis.delete(_flag(job))
    except RedisError as error:
        log.warning("the bell for %s stays muted for a while (%s)", job, type(error).__name__)


def _flag(job: str) -> str:
    return f"wxtag:rung:{job}"
