"""Reads and writes many rows with few statements: a batch of messages is worked off at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table, insert, inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key

from wxtag.models import Base

V = TypeVar("V")
M = TypeVar("M", bound=Base)
AT_ONCE = 1_000
"""Values in one statement; databases refuse endless lists."""


def chunks(values: Iterable[V], size: int = AT_ONCE) -> Iterator[list[V]]:
    """The values in lists of at most so many, each once, in the order of their first coming."""
    kept = list(dict.fromkeys(values))
    for start in range(0, len(kept), size):
        yield kept[start : start + size]


def having(
    session: Session,
    model: type[M],
    column: InstrumentedAttribute[Any],
    values: Iterable[Any],
    *wanted: ColumnElement[bool],
) -> list[M]:
    """The rows of the model whose column holds one of these values, and for which all of `wanted` holds."""
    found: list[M] = []
    for some in chunks(values):
        found += session.scalars(select(model).where(column.in_(some), *wanted))
    return found


def by_id(session: Session, model: type[M], ids: Iterable[int]) -> list[M]:
    """The rows of these ids; those that the session holds already are not asked for again."""
    found, missing = [], []
    for one in ids:
        held = session.identity_map.get(identity_key(model, one))
        if held is None:
            missing.append(one)
        else:
            found.append(held)
    key = getattr(model, _table(model).primary_key.columns[0].name)
    return found + having(session, model, key, missing)


def add_all(session: Session, model: type[Base], new: list[dict[str, Any]]) -> None:
    """Inserts rows whose keys nobody needs to know; all of them name the same columns."""
    if new:
        # The table and not the model: that one would make a statement of its own for every set of Nones.
        session.execute(insert(_table(model)), new)


def add_numbered(session: Session, model: type[Base], new: list[dict[str, Any]]) -> list[int]:
    """Inserts rows and returns their ids, in no order: for rows that differ in nothing yet."""
    if not new:
        return []
    table = _table(model)
    if session.connection().dialect.insert_executemany_returning:
        return list(session.scalars(insert(table).returning(table.c.id), new))
    # MySQL proper knows no RETURNING.
    keys = (session.connection().execute(insert(table), one).inserted_primary_key for one in new)
    return [int(key[0]) for key in keys if key is not None]


def save(session: Session) -> None:
    """Writes what changed in loaded rows with one statement a column, where a flush has one a row."""
    changes: dict[InstrumentedAttribute[Any], dict[int, Any]] = defaultdict(dict)
    for one in session.dirty:
        state = inspect(one)
        for name in list(state.committed_state):
            changes[getattr(type(one), name)][state.identity[0]] = state.dict[name]
    with session.no_autoflush:
        for column, to in changes.items():
            set_each(session, column, to)


def set_each(session: Session, column: InstrumentedAttribute[Any], to: Mapping[int, Any]) -> None:
    """Gives each row, found by its primary key (a number), its own value in the column.

    Written out by hand: SQLAlchemy would compile each of these statements anew.
    """
    connection = session.connection()
    dialect = connection.dialect
    table = _table(column.parent.class_)
    quote = dialect.identifier_preparer.quote
    name, key = quote(column.name), quote(table.primary_key.columns[0].name)
    process = column.type.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    for ids in chunks(to, 200):
        cases = " ".join(f"WHEN {int(one)} THEN {mark}" for one in ids)
        where = ",".join(str(int(one)) for one in ids)
        connection.exec_driver_sql(
            f"UPDATE {quote(table.name)} SET {name} = CASE {key} {cases} END WHERE {key} IN ({where})",
            tuple(process(to[one]) for one in ids),
        )
    for one, value in to.items():
        loaded = session.identity_map.get(identity_key(column.parent.class_, one))
        if loaded is not None:
            set_committed_value(loaded, column.key, value)


def _table(model: type[Base]) -> Table:
    assert isinstance(model.__table__, Table)
    return model.__table__
