"""The relations over which measures are asked, in an in-memory DuckDB: made, and filled from the database."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from wxtag.events.vocabulary import INTERACTIONS
from wxtag.models import (
    Account,
    Channel,
    ChannelValue,
    Customer,
    CustomerTag,
    Event,
    FollowUser,
    Identity,
)
from wxtag.tags.kind import Moment

Query = Select[*tuple[Any, ...]]
BATCH = 20_000
IDENTITIES = 1_000
EVENT_COLUMNS = (
    'event_id BIGINT, identity_id BIGINT, kind VARCHAR, "at" BIGINT, account_id BIGINT, '
    "channel VARCHAR, place VARCHAR"
)
"""Of the mirror too: what is kept of an event. Whether it is an interaction is asked of the vocabulary."""

# `at` is a word of DuckDB's own: bare it is quoted, behind a table's name (e.at) it need not be.
TABLES = {
    "raw_events": EVENT_COLUMNS,
    "customers": "customer_id BIGINT, created_at BIGINT",
    "raw_identities": "identity_id BIGINT, customer_id BIGINT, kind VARCHAR, scope VARCHAR, "
    "verified BOOLEAN, active BOOLEAN",
    "raw_follow_users": "follow_user_id BIGINT, identity_id BIGINT, corpid VARCHAR, userid VARCHAR, "
    "state VARCHAR, status VARCHAR, added_at BIGINT",
    "channel_values": "value VARCHAR, channel VARCHAR",
    "accounts": "account_id BIGINT, kind VARCHAR, key VARCHAR",
    "interactions": "kind VARCHAR",
    "standing": "row_id BIGINT, customer_id BIGINT, tag_id BIGINT, version_id BIGINT, value BIGINT, "
    "text VARCHAR",
}

EVENTS = """
    CREATE VIEW events AS
    SELECT r.event_id, r.identity_id, r.kind, r.at AS "at", r.channel, r.place, a.kind AS account_kind,
           r.kind IN (SELECT kind FROM interactions) AS interaction
    FROM {source} r LEFT JOIN accounts a USING (account_id)
    WHERE r.at <= getvariable('moment')
"""
VIEWS = """
    CREATE VIEW identities AS
    SELECT i.identity_id, i.customer_id, i.kind, i.scope, i.verified, i.active, a.kind AS account_kind
    FROM raw_identities i JOIN customers USING (customer_id)
    LEFT JOIN (SELECT DISTINCT kind, key FROM accounts WHERE kind <> 'wecom') a
      ON i.kind = 'openid' AND a.key = i.scope;
    CREATE VIEW follow_users AS
    SELECT f.*, i.customer_id FROM raw_follow_users f JOIN raw_identities i USING (identity_id)
"""


class Relations:
    """One in-memory DuckDB. Whoever opens it closes it."""

    def __init__(self, moment: Moment, threads: int = 1, spill: Path | None = None) -> None:
        config: dict[str, Any] = {"threads": threads}
        if spill is not None:
            config["temp_directory"] = str(spill)
        self.duck = duckdb.connect(":memory:", config=config)
        self.duck.execute("SET VARIABLE moment = $moment", {"moment": moment.at})
        tables = "".join(f"CREATE TABLE {name} ({columns});" for name, columns in TABLES.items())
        self.duck.execute(tables + VIEWS)
        self.fill("interactions", ((kind,) for kind in sorted(INTERACTIONS)))

    def close(self) -> None:
        self.duck.close()

    def __enter__(self) -> "Relations":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def see_events(self, source: str = "raw_events") -> None:
        """Makes the relation `events` over a table or table function that has the columns of an event."""
        self.duck.execute(EVENTS.format(source=source))

    def customer_ids(self) -> list[int]:
        """The customers that are looked at; those merged away are not among them."""
        return [
            row[0] for row in self.duck.execute("SELECT customer_id FROM customers ORDER BY 1").fetchall()
        ]

    def fill(self, table: str, rows: Iterable[Sequence[Any]]) -> int:
        """Adds rows, a batch of columns at a time: a row at a time is hundreds of times slower."""
        types = [part.split()[1] for part in TABLES[table].split(",")]
        lists = ", ".join(f"unnest(?::{kind}[])" for kind in types)
        count, rest = 0, iter(rows)
        while batch := list(islice(rest, BATCH)):
            values = [list(column) for column in zip(*batch, strict=True)]
            self.duck.execute(f"INSERT INTO {table} SELECT {lists}", values)
            count += len(batch)
        return count


def load_small(relations: Relations, session: Session, company_id: int) -> None:
    """What is small and always needed: accounts and the mapping of channels."""
    copy(
        relations,
        session,
        "accounts",
        select(Account.id, Account.kind, Account.key).where(Account.company_id == company_id),
    )
    copy(
        relations,
        session,
        "channel_values",
        select(ChannelValue.value, Channel.name)
        .join(Channel, Channel.id == ChannelValue.channel_id)
        .where(ChannelValue.company_id == company_id),
    )


def load_people(
    relations: Relations, session: Session, company_id: int, customer_ids: Sequence[int] | None
) -> None:
    """Customers that are not merged away, their identities and follow_users; what tags stand now."""

    def some(column: Any) -> ColumnElement[bool]:
        chosen: ColumnElement[bool] = column.is_not(None)
        return chosen if customer_ids is None else column.in_(customer_ids)

    live = Customer.merged_into.is_(None)
    copy(
        relations,
        session,
        "customers",
        select(Customer.id, Customer.created_at).where(
            Customer.company_id == company_id, some(Customer.id), live
        ),
    )
    copy(
        relations,
        session,
        "raw_identities",
        select(
            Identity.id,
            Identity.customer_id,
            Identity.kind,
            Identity.scope,
            Identity.verified,
            Identity.active,
        ).where(Identity.company_id == company_id, some(Identity.customer_id)),
    )
    copy(
        relations,
        session,
        "raw_follow_users",
        select(
            FollowUser.id,
            FollowUser.identity_id,
            FollowUser.corpid,
            FollowUser.userid,
            FollowUser.state,
            FollowUser.status,
            FollowUser.added_at,
        )
        .join(Identity, Identity.id == FollowUser.identity_id)
        .where(FollowUser.company_id == company_id, some(Identity.customer_id)),
    )
    copy(
        relations,
        session,
        "standing",
        select(
            CustomerTag.id,
            CustomerTag.customer_id,
            CustomerTag.tag_id,
            CustomerTag.rule_version_id,
            CustomerTag.value,
            CustomerTag.text,
        ).where(CustomerTag.company_id == company_id, some(CustomerTag.customer_id)),
    )


def event_rows(company_id: int) -> Query:
    """The columns of an event as the relations and the mirror keep them."""
    return select(
        Event.id, Event.identity_id, Event.kind, Event.at, Event.account_id, Event.channel, Event.place
    ).where(Event.company_id == company_id)


def load_events(relations: Relations, session: Session, company_id: int) -> None:
    """All events of the identities that are loaded."""
    rows = relations.duck.execute("SELECT identity_id FROM raw_identities ORDER BY 1").fetchall()
    identities = [row[0] for row in rows]
    # By identity and not by a join: SQLite would read the events of everyone.
    for start in range(0, len(identities), IDENTITIES):
        some = identities[start : start + IDENTITIES]
        copy(relations, session, "raw_events", event_rows(company_id).where(Event.identity_id.in_(some)))


def copy(relations: Relations, session: Session, table: str, statement: Query) -> int:
    """Adds what a statement selects to a table; returns how many rows. Never holds all of them."""
    rows = session.execute(statement.execution_options(yield_per=BATCH))
    return relations.fill(table, (tuple(row) for row in rows))
