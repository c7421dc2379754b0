"""One place for transactions, so that they mean the same on SQLite and on MySQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import CursorResult, Engine, Executable, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from config import Settings
from wxtag.models import db

WRITES = "wxtag_writes"
DEADLOCK, NO_SAVEPOINT = 1213, 1305
"""https://mariadb.com/kb/en/mariadb-error-code-reference/"""


def engine_options(settings: Settings) -> dict[str, Any]:
    """How SQLAlchemy talks to the database that is set."""
    if settings.sqlite:
        return {"hide_parameters": True, "connect_args": {"timeout": 30}}
    return {
        "hide_parameters": True,  # rows hold people's ids: they do not belong into an error's text
        "pool_pre_ping": True,
        "pool_recycle": 1800,
        "isolation_level": "READ COMMITTED",
    }


def prepare(engine: Engine) -> None:
    """Makes SQLite durable, strict about foreign keys, and honest about who writes."""
    if engine.dialect.name != "sqlite" or event.contains(engine, "connect", _on_connect):
        return
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


@contextmanager
def writing() -> Iterator[Session]:
    """One transaction that writes: commits at the end, rolls back when anything is raised.

    Every writer uses it. SQLite would otherwise let two read first and refuse the second one's first
    write at once ("database is locked"), however long it is told to wait. What the session did before
    and did not commit is given up.
    """
    session = db.session()
    session.rollback()
    session.connection(execution_options={WRITES: True})
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def reading() -> Iterator[Session]:
    """A look at the database as it is now, which ends at once and leaves nothing open."""
    session = db.session()
    session.rollback()
    try:
        yield session
    finally:
        session.rollback()


def add_once(session: Session, row: Any) -> bool:
    """Adds a row unless its unique key is there already; says whether it was added."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def changed(session: Session, statement: Executable) -> int:
    """Runs an UPDATE or DELETE; returns how many rows it met: the count tells whether a claim is ours."""
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def transaction_is_gone(error: BaseException) -> bool:
    """Whether the database gave up all that the transaction did: nothing of it may be gone on with.

    A deadlock takes back the whole transaction, not only the savepoint in which it was met.
    """
    if not isinstance(error, DBAPIError):
        return False
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return error.connection_invalidated or code in (DEADLOCK, NO_SAVEPOINT)


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, in _on_begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_begin(connection: Any) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
