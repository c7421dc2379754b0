"""Whether this installation is alive and ready, and its numbers for Prometheus."""

import contextlib
import ipaddress
from collections.abc import Callable, Iterator

from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from rq import Worker
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from wxtag import clock, host_spools, mover
from wxtag.apikeys import verify
from wxtag.app import core
from wxtag.database import reading
from wxtag.gauges import DatabaseGauges
from wxtag.spool import spool_of

bp = Blueprint("health", __name__)
STALE_MS = 30_000
HEARTBEAT = "wxtag:heartbeat:"
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")
OK = "ok"


@bp.get("/healthz")
def healthz() -> Response:
    """Alive: this process answers."""
    return jsonify(alive=True)


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Ready: everything that the line needs is there; 503 and which one is not."""
    _only_for_operators()
    checks = {"database": _database, "redis": _redis, "worker": _worker, "clock": _clock, "spool": _spool}
    found = {name: _said(check) for name, check in checks.items()}
    ready = all(state == OK for state in found.values())
    return jsonify(ready=ready, checks=found, warnings=_warnings()), 200 if ready else 503


@bp.get("/metrics")
def metrics() -> Response:
    """What the web processes of this host counted, and what the database says now."""
    _only_for_operators()
    counted: CollectorRegistry = REGISTRY
    try:
        several = CollectorRegistry()
        MultiProcessCollector(several)  # type: ignore[no-untyped-call]
        counted = several
    except ValueError:
        pass  # PROMETHEUS_MULTIPROC_DIR is not set: this is the only process
    gauges = CollectorRegistry()
    gauges.register(DatabaseGauges())
    gauges.register(SpoolGauges())
    body = generate_latest(counted) + generate_latest(gauges)
    return Response(body, content_type="text/plain; version=0.0.4; charset=utf-8")


def _only_for_operators() -> None:
    """The local host, or an admin's key. What a proxy on this host forwards comes from elsewhere."""
    if _local():
        return
    key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if key:
        with reading() as session:
            caller = verify(session, key)
        if caller is not None and caller.role == "admin":
            return
    abort(403)


def _local() -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _said(check: Callable[[], str]) -> str:
    """What a check says; no address or password of a server is repeated."""
    try:
        return check()
    except (SQLAlchemyError, RedisError, OSError) as error:
        return f"does not answer ({type(error).__name__})"


def _database() -> str:
    with reading() as session:
        session.execute(text("SELECT 1"))
    return OK


def _redis() -> str:
    core().redis.ping()
    return OK


def _worker() -> str:
    if _fresh("worker") or Worker.all(connection=core().redis):
        return OK
    return "no worker is running (python -m workers)"


def _clock() -> str:
    return OK if _fresh("clock") else "the clock is not running (python -m workers.clock)"


def _fresh(process: str) -> bool:
    beat = core().redis.get(HEARTBEAT + process)
    try:
        return clock.now() - int(beat or 0) < STALE_MS
    except ValueError:
        return False


def _spool() -> str:
    settings = core().settings
    if fault := spool_of(settings).fault:
        return f"the last message could not be written ({fault}): look at the disk's space"
    oldest = mover.backlog(settings).oldest_ms
    if oldest > host_spools.WAITING_MS:
        return f"messages have waited in the spool for {oldest // 1000} s: nobody takes them in"
    with contextlib.suppress(SQLAlchemyError), reading() as session:  # the check of the database says so
        return "; ".join(map(str, host_spools.missed(session, settings))) or OK
    return OK


def _warnings() -> list[str]:
    """What waits for a person and keeps nothing from working."""
    return [f"{path.name} is kept aside in the spool" for path in mover.kept_aside(core().settings)]


class SpoolGauges(Collector):
    """The spool of this host; asks only the file system."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        waits, aside = mover.backlog(core().settings), mover.kept_aside(core().settings)
        yield GaugeMetricFamily("wxtag_spool_bytes", "What waits in the spool of this host", waits.size)
        yield GaugeMetricFamily(
            "wxtag_spool_oldest_seconds", "How long the oldest of it has waited", waits.oldest_ms / 1000
        )
        yield GaugeMetricFamily("wxtag_spool_kept_aside", "Its files that wait for a person", len(aside))
