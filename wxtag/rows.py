"""Reads and writes many rows with few statements: a batch of messages is worked off at once."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, case, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

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


def add_all(session: Session, model: type[Base], rows: list[dict[str, Any]]) -> None:
    """Inserts rows whose keys nobody needs to know; each must name every column that has no default."""
    if rows:
        session.execute(insert(model), rows)


def set_each(
    session: Session,
    key: InstrumentedAttribute[int],
    column: InstrumentedAttribute[Any],
    to: Mapping[int, Any],
) -> None:
    """Gives each row, found by its key, its own value in the column."""
    for some in chunks(to):
        values = {one: to[one] for one in some}
        session.execute(
            update(key.class_).where(key.in_(some)).values({column: case(values, value=key)}),
            execution_options={"synchronize_session": False},
        )
