"""Computes tags: of touched customers inside the caller's transaction, or of everyone over the mirror."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.app import core
from wxtag.database import reading, writing
from wxtag.models import Customer
from wxtag.tags.answers import Answers
from wxtag.tags.decisions import end_vetoes
from wxtag.tags.families import make_tags, retire_empty
from wxtag.tags.in_force import group_families, tag_rules
from wxtag.tags.kind import Moment
from wxtag.tags.mirror import forget_mirror, see_everyone
from wxtag.tags.outcome import Computed, write_differences
from wxtag.tags.relations import Relations, load_events, load_people, load_small

__all__ = ["Computed", "compute", "compute_all", "forget_mirror"]

CHUNK = 500
"""Customers whose tags change in one transaction of the night's run: the inbox waits for it on SQLite."""
LIVE_MS = 600_000
"""A run asked for a moment so near to now goes along with the clock."""
TRIES = 3

Progress = Callable[[int, int], None]
Settle = Callable[[Session, set[int]], None]


def compute(session: Session, company_id: int, customer_ids: Sequence[int] | None, moment: int) -> Computed:
    """Brings the tags of these customers (None: of all) into agreement with the rules as of `moment` (ms).

    Runs inside the caller's writing transaction, which on MySQL lets no two computations of one customer
    overlap. Ids that are gone are skipped; customers that became another one lose their tags.
    """
    if customer_ids is None:
        customer_ids = session.scalars(select(Customer.id).where(Customer.company_id == company_id)).all()
    computed = Computed()
    for chunk in _chunks(sorted(set(customer_ids)), CHUNK):
        computed.add(_compute_some(session, company_id, chunk, Moment(moment, core().settings.zone)))
    return computed


def compute_all(
    company_id: int, moment: int, progress: Progress | None = None, settle: Settle | None = None
) -> Computed:
    """All rules for all customers, in transactions of its own; can be stopped anywhere and run again.

    Everyone is asked over the mirror; those whose answer differs are then computed like touched customers,
    some at a time, so that what came in meanwhile is not lost. `settle(session, changed customers)` runs
    inside each of these transactions. A moment that is now goes along with the clock; an earlier one stands
    still.
    """
    live = moment >= clock.now() - LIVE_MS
    different, computed = _different(company_id, Moment(moment, core().settings.zone))
    done = 0
    for chunk in _chunks(different, CHUNK):
        at = max(moment, clock.now()) if live else moment
        computed.add(_settled(company_id, chunk, at, settle))
        done += len(chunk)
        if progress is not None:
            progress(done, len(different))
    with writing() as session:
        retire_empty(session, company_id)
    return computed


def _compute_some(session: Session, company_id: int, customer_ids: list[int], moment: Moment) -> Computed:
    session.flush()
    session.execute(
        select(Customer.id)
        .where(Customer.company_id == company_id, Customer.id.in_(customer_ids))
        .order_by(Customer.id)
        .with_for_update()
    ).all()
    rules, families = tag_rules(session, company_id), group_families(session, company_id)
    with Relations(moment) as relations:
        load_small(relations, session, company_id)
        load_people(relations, session, company_id, customer_ids)
        load_events(relations, session, company_id)
        relations.see_events()
        answers = Answers(relations, moment)
        answers.ask_rules(rules)
        keys = answers.ask_families(families)
        tags, made, over_cap = make_tags(session, company_id, families, keys)
        answers.take_families(families, tags)
        differences, live = answers.differences(), relations.customer_ids()
    computed = Computed(tags_made=made, over_cap=over_cap)
    now = clock.now()
    write_differences(session, company_id, differences, computed, now)
    end_vetoes(session, company_id, live, now)
    return computed


def _different(company_id: int, moment: Moment) -> tuple[list[int], Computed]:
    """The customers whose tags are not what the rules say; the tags of new keys are made on the way."""
    with reading() as session:
        rules, families = tag_rules(session, company_id), group_families(session, company_id)
    with see_everyone(company_id, moment) as relations:
        answers = Answers(relations, moment)
        answers.ask_rules(rules)
        keys = answers.ask_families(families)
        with writing() as session:
            tags, made, over_cap = make_tags(session, company_id, families, keys)
        answers.take_families(families, tags)
        return list(answers.different_customers()), Computed(tags_made=made, over_cap=over_cap)


def _settled(company_id: int, chunk: list[int], moment: int, settle: Settle | None) -> Computed:
    """Computes and writes one chunk; one that MySQL gave up for another's lock is tried again."""
    for attempt in range(1, TRIES + 1):
        try:
            with writing() as session:
                computed = compute(session, company_id, chunk, moment)
                if settle is not None and computed.changed:
                    settle(session, computed.changed)
            return computed
        except OperationalError:
            if attempt == TRIES:
                raise
            clock.sleep(0.2 * attempt)
    raise AssertionError("not reached")


def _chunks(ids: Sequence[int], size: int) -> Iterator[list[int]]:
    rest = iter(ids)
    while chunk := list(islice(rest, size)):
        yield chunk
