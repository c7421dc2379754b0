"""The night's work: all rules for all customers of each company, once a local day, and cleaning up."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from wxtag import clock, inbox, touch
from wxtag.app import core
from wxtag.database import add_once, reading, writing
from wxtag.leases import Held, lease
from wxtag.models import Company, Lease, NightlyRun
from wxtag.privacy.policies import forget_unsubscribed
from wxtag.tags import engine

HOUR = 3
RETRY_MS = 600_000
"""A night that failed is tried again after so long."""
LEASE, LEASE_MS = "nightly:", 600_000
log = logging.getLogger(__name__)


def due_day(now: int) -> str:
    """The local day whose night is due at this moment: today from 03:00 on, else yesterday."""
    local = datetime.fromtimestamp(now / 1000, core().settings.zone)
    day = local.date() if local.hour >= HOUR else local.date() - timedelta(days=1)
    return day.isoformat()


def due(session: Session, now: int) -> list[int]:
    """The companies whose night is due and not done; one made after 03:00 waits for the next night.

    Not one that somebody is at (a lease; who died loses it), and not at once one that failed.
    """
    day = due_day(now)
    settled = select(NightlyRun.company_id).where(
        NightlyRun.day == day,
        or_(
            NightlyRun.state == "done",
            and_(NightlyRun.state == "failed", NightlyRun.started_at > now - RETRY_MS),
        ),
    )
    night = clock.parse_iso(f"{day}T{HOUR:02d}:00:00", core().settings.zone)
    companies = session.scalars(
        select(Company.id).where(Company.id.not_in(settled), Company.created_at < night)
    ).all()
    busy = set(
        session.scalars(select(Lease.name).where(Lease.until > now, Lease.name.startswith(LEASE))).all()
    )
    return [company_id for company_id in companies if f"{LEASE}{company_id}" not in busy]


def run(now: int) -> int:
    """Does the night of every company for which it is due; returns for how many."""
    with reading() as session:
        companies = due(session, now)
    done = 0
    for company_id in companies:
        with lease(f"{LEASE}{company_id}", LEASE_MS) as held:
            if held is not None:
                forget_unsubscribed(company_id, now)
                recompute(company_id, now, due_day(now), partial(_alive, held))
                done += 1
    while _forget():
        continue
    return done


def _alive(held: Held, _done: int, _all: int) -> None:
    held.renew()


def _forget() -> int:
    """One batch of messages that are older than they are kept."""
    with writing() as session:
        return inbox.forget_old(session, core().settings.inbox_days)


def recompute(
    company_id: int, moment: int, day: str, progress: Callable[[int, int], None] | None = None
) -> engine.Computed:
    """All rules for all customers as of `moment`; the run is written down under `day`."""
    with writing() as session:
        add_once(session, NightlyRun(company_id=company_id, day=day, state="running", started_at=clock.now()))
        row = _run_row(session, company_id, day)
        row.state, row.started_at, row.finished_at, row.error = "running", clock.now(), None, None

    def settle(session: Session, customer_ids: set[int]) -> None:
        touch.want_push(session, company_id, customer_ids)

    try:
        computed = engine.compute_all(company_id, moment, progress, settle)
    except Exception as error:
        with writing() as session:
            row = _run_row(session, company_id, day)
            row.state, row.error = "failed", f"{type(error).__name__}: {error}"[:500]
        raise
    with writing() as session:
        touch.want_library(session, company_id)
        row = _run_row(session, company_id, day)
        row.state, row.finished_at = "done", clock.now()
        row.counts = {"given": computed.given, "taken": computed.taken, "changed": len(computed.changed)}
    log.info("all rules of company %s: %d given, %d taken", company_id, computed.given, computed.taken)
    return computed


def _run_row(session: Session, company_id: int, day: str) -> NightlyRun:
    return session.scalars(
        select(NightlyRun).where(NightlyRun.company_id == company_id, NightlyRun.day == day)
    ).one()
