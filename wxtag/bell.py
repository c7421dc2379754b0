"""The bell: tells the workers that there is work. It carries no data, and losing it costs a second."""

import logging

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError

QUEUE = "wxtag"
JOBS = {"drain", "lookup", "compute", "push", "nightly", "library"}
log = logging.getLogger(__name__)


def ring(redis: Redis, job: str, timeout: int = 600) -> bool:
    """Asks for one run of `job` (a name in workers/jobs.py); says whether one was added.

    A job that waits already is enough, so its name is its id. Without Redis nothing is lost: the sweep of
    the clock rings again, and the rows in the database are the truth.
    """
    assert job in JOBS, job
    try:
        Queue(QUEUE, connection=redis).enqueue(
            f"workers.jobs.{job}",
            job_id=f"{job}-waiting",
            unique=True,
            result_ttl=0,
            failure_ttl=0,
            job_timeout=timeout,
        )
    except DuplicateJobError:
        return False
    except RedisError as error:
        log.warning("the bell for %s did not ring (%s): the sweep will", job, type(error).__name__)
        return False
    return True
