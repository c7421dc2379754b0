"""Reads and writes many rows with few statements: a batch of messages is worked off at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, bindparam, case, insert, inspect, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.orm.attributes import set_committed_value

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


def add_all(session: Session, model: type[Base], new: list[dict[str, Any]]) -> None:
    """Inserts rows whose keys nobody needs to know; all of them name the same columns."""
    if new:
        # The table and not the model: that one would make a statement of its own for every set of Nones.
        session.execute(insert(model.__table__), new)


def save(session: Session) -> None:
    """Writes what changed in loaded rows with one statement a column, where a flush has one a row."""
    changes: dict[InstrumentedAttribute[Any], dict[Any, Any]] = defaultdict(dict)
    written: list[tuple[Any, str, Any]] = []
    with session.no_autoflush:
        for one in session.dirty:
            state = inspect(one)
            for column in state.mapper.column_attrs:
                name, history = column.key, state.attrs[column.key].history
                if history.has_changes() and history.added:
                    changes[getattr(type(one), name)][state.identity[0]] = history.added[0]
                    written.append((one, name, history.added[0]))
        for column, to in changes.items():
            key = getattr(column.class_, inspect(column.class_).primary_key[0].name)
            set_each(session, key, column, to)
    for one, name, value in written:
        set_committed_value(one, name, value)


def set_each(
    session: Session,
    key: InstrumentedAttribute[int],
    column: InstrumentedAttribute[Any],
    to: Mapping[int, Any],
) -> None:
    """Gives each row, found by its key, its own value in the column."""
    for some in chunks(to, 200):
        values = {one: bindparam(None, to[one], type_=column.type) for one in some}
        session.execute(
            update(key.class_).where(key.in_(some)).values({column: case(values, value=key)}),
            execution_options={"synchronize_session": False},
        )
