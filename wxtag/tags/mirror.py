"""Everyone's relations for the night: events from a cache of Parquet parts, all else read afresh.

The parts are a copy of `events` (append-only, by id) that can be thrown away at any time. They are believed
only after their sums were compared with the database: rows that were erased or restored make them anew.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wxtag.app import core
from wxtag.database import reading
from wxtag.models import Event
from wxtag.tags.kind import Moment
from wxtag.tags.relations import Relations, copy, event_rows, load_people, load_small

TAIL = 50_000
"""So many of the newest ids are never in a part: on MySQL a lower id can appear after a higher one."""
PART = 500_000
"""At most so many events a part."""
THREADS = 2


@contextmanager
def see_everyone(company_id: int, moment: Moment) -> Iterator[Relations]:
    """The relations with every customer and event of a company."""
    folder = _folder(company_id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock, reading() as session:
        # Only while parts are added: a preview must not wait for the night's run.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _extend(session, company_id, folder)
        parts = _parts(folder)
    with _spilling(folder) as spill, Relations(moment, THREADS, spill) as relations:
        with reading() as session:
            load_small(relations, session, company_id)
            load_people(relations, session, company_id, None)
            tail = event_rows(company_id).where(Event.id > _end(parts))
            copy(relations, session, "raw_events", tail)
        relations.see_events(_source(parts))
        yield relations


def forget_mirror(company_id: int) -> None:
    """Throws the cache away; the next night makes it anew. To be called when events were erased."""
    for part in _parts(_folder(company_id)):
        part.unlink(missing_ok=True)


@contextmanager
def _spilling(folder: Path) -> Iterator[Path]:
    """Where one DuckDB puts what does not fit into memory; two must not share it."""
    with TemporaryDirectory(prefix="spill-", dir=folder) as name:
        yield Path(name)


def _folder(company_id: int) -> Path:
    return core().settings.data_dir / "mirror" / str(company_id)


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("events-*.parquet"), key=lambda part: _end([part]))


def _end(parts: list[Path]) -> int:
    """The last id that the parts cover; events-<end>.parquet begins behind the part before it."""
    return int(parts[-1].stem.removeprefix("events-")) if parts else 0


def _extend(session: Session, company_id: int, folder: Path) -> None:
    """Adds parts up to the tail; a cache that does not agree with the database is made anew."""
    parts = _parts(folder)
    if parts and not _agrees(session, company_id, parts):
        forget_mirror(company_id)
        parts = []
    end = _end(parts)
    upto = (session.scalar(select(func.max(Event.id)).where(Event.company_id == company_id)) or 0) - TAIL
    while upto - end >= TAIL:
        end = _write_part(session, company_id, folder, end, upto)


def _write_part(session: Session, company_id: int, folder: Path, end: int, upto: int) -> int:
    """Writes the next part whole or not at all; returns the last id that it covers."""
    with _spilling(folder) as spill, Relations(Moment(0, core().settings.zone), THREADS, spill) as relations:
        rows = event_rows(company_id).where(Event.id > end, Event.id <= upto).order_by(Event.id).limit(PART)
        if copy(relations, session, "raw_events", rows) == PART:
            found = relations.duck.execute("SELECT max(event_id) FROM raw_events").fetchone()
            assert found is not None
            upto = int(found[0])
        fresh = folder / f"events-{upto}.parquet.new"
        relations.duck.execute(f"COPY raw_events TO {_quoted(fresh)} (FORMAT parquet)")
    fresh.replace(folder / f"events-{upto}.parquet")
    return upto


def _agrees(session: Session, company_id: int, parts: list[Path]) -> bool:
    """Whether the parts hold exactly the events that the database has up to their end."""
    kept = session.execute(
        select(func.count(), func.sum(Event.identity_id), func.max(Event.at)).where(
            Event.company_id == company_id, Event.id <= _end(parts)
        )
    ).one()
    try:
        with duckdb.connect(":memory:") as duck:
            found = duck.execute(
                f'SELECT count(*), sum(identity_id), max("at") FROM {_read(parts)}'
            ).fetchone()
    except duckdb.Error:
        return False  # a part that cannot be read is as good as none
    return found is not None and [int(x or 0) for x in found] == [int(x or 0) for x in kept]


def _source(parts: list[Path]) -> str:
    if not parts:
        return "raw_events"
    return f"(SELECT * FROM raw_events UNION ALL SELECT * FROM {_read(parts)})"


def _read(parts: list[Path]) -> str:
    return f"read_parquet([{', '.join(_quoted(part) for part in parts)}])"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
