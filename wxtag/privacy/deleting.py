"""Deletes rows with everything that refers to them, whatever tables there are."""

from collections.abc import Collection

from sqlalchemy import Table, delete, select
from sqlalchemy.orm import Session

from wxtag import rows
from wxtag.models import Base


def delete_whole(session: Session, table: Table, ids: Collection[int]) -> None:
    """Deletes these rows of a table, and first all rows of any table whose foreign keys lead to them."""
    if not ids:
        return
    (key,) = table.primary_key.columns
    for other in Base.metadata.sorted_tables:
        for foreign in other.foreign_keys:
            if foreign.column.table is not table or other is table:
                continue
            (own,) = other.primary_key.columns
            for some in rows.chunks(ids):
                if _referred(other):
                    theirs = list(session.scalars(select(own).where(foreign.parent.in_(some))))
                    delete_whole(session, other, theirs)
                else:
                    session.execute(delete(other).where(foreign.parent.in_(some)))
    for some in rows.chunks(ids):
        session.execute(delete(table).where(key.in_(some)))


def _referred(table: Table) -> bool:
    """Whether rows of other tables lead to this one's."""
    return any(
        foreign.column.table is table
        for other in Base.metadata.tables.values()
        if other is not table
        for foreign in other.foreign_keys
    )
