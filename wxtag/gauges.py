"""Numbers that only the database knows, read at the moment when Prometheus asks. No company is named."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session

from wxtag import clock
from wxtag.database import reading
from wxtag.models import InboxMessage, Lookup, NightlyRun, Push, Touched
from wxtag.touch import PROOF

QUESTION: ColumnElement[str] = case(
    (and_(Lookup.kind == PROOF, Lookup.state == "waiting"), "to_prove"), else_=Lookup.state
)
"""Nobody waits for a question that only makes sure of a push."""
STATES: tuple[tuple[str, str, ColumnElement[str], InstrumentedAttribute[int]], ...] = (
    ("wxtag_inbox_messages", "Inbox messages by state", InboxMessage.state.expression, InboxMessage.id),
    ("wxtag_lookups", "Questions for the platforms by state", QUESTION, Lookup.id),
    ("wxtag_pushes", "Relations by state of their push", Push.state.expression, Push.follow_user_id),
)


class DatabaseGauges(Collector):
    """`wxtag_database_up` is 0, and the rest is left out, when the database does not answer."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found: list[GaugeMetricFamily] = []
        try:
            with reading() as session:
                found = list(_gauges(session))
        except SQLAlchemyError:
            yield GaugeMetricFamily("wxtag_database_up", "Whether the database answers", 0)
            return
        yield GaugeMetricFamily("wxtag_database_up", "Whether the database answers", 1)
        yield from found


def _gauges(session: Session) -> Iterator[GaugeMetricFamily]:
    for name, text, state, key in STATES:
        gauge = GaugeMetricFamily(name, text, labels=["state"])
        for word, count in session.execute(select(state, func.count(key)).group_by(state)):
            gauge.add_metric([word], count)
        yield gauge
    oldest = session.scalar(select(func.min(InboxMessage.received_at)).where(InboxMessage.state == "new"))
    age = (clock.now() - oldest) / 1000 if oldest else 0
    yield GaugeMetricFamily("wxtag_inbox_oldest_seconds", "Age of the oldest message not worked on", age)
    touched = session.scalar(select(func.count(func.distinct(Touched.customer_id)))) or 0
    yield GaugeMetricFamily("wxtag_touched_customers", "Customers whose tags wait to be computed", touched)
    yield from _night(session)


def _night(session: Session) -> Iterator[GaugeMetricFamily]:
    run = session.scalar(select(NightlyRun).order_by(NightlyRun.started_at.desc()).limit(1))
    if run is None:
        return
    yield GaugeMetricFamily(
        "wxtag_nightly_started_timestamp_seconds", "Start of the last nightly run", run.started_at / 1000
    )
    if run.finished_at:
        seconds = (run.finished_at - run.started_at) / 1000
        yield GaugeMetricFamily("wxtag_nightly_seconds", "How long the last nightly run took", seconds)
    failed = 1 if run.state == "failed" else 0
    yield GaugeMetricFamily("wxtag_nightly_failed", "Whether the last nightly run failed", failed)
