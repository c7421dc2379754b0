"""Seals anew, with the newest key, what an older one sealed; then the older key can be taken away."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, func, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from wxtag.companies import HASH_KEY, SECRET
from wxtag.database import changed, reading, writing
from wxtag.identities import PHONE
from wxtag.inbox import SEAL
from wxtag.models import Account, Company, Identity, InboxMessage
from wxtag.sealing import SealBroken, Sealer

CHUNK = 200
"""Rows in one transaction: what was done before a kill stays done, and nobody waits for long."""
HEAD = 20
"""Bytes of a sealed body that no other one has: the key's id and the nonce."""
TEXTS: tuple[tuple[InstrumentedAttribute[Any], str], ...] = (
    (Company.hash_key, HASH_KEY),
    (Account.secret, SECRET),
    (Account.token, SECRET),
    (Account.aes_key, SECRET),
    (Account.previous_aes_key, SECRET),
    (Identity.sealed, PHONE),
)
"""Every column of sealed text, and its purpose."""
Progress = Callable[[int, int], None]


class Resealed(NamedTuple):
    """What became of it: how many values of each table were sealed anew, and those that cannot be opened."""

    done: dict[str, int]
    broken: list[str]


def reseal(sealer: Sealer, progress: Progress = lambda done, total: None) -> Resealed:
    """Looks for what the newest key did not seal, so a second call goes on where a first one ended."""
    columns = [*TEXTS, (InboxMessage.body, SEAL)]
    with reading() as session:
        total = sum(_count(session, column, sealer) for column, _ in columns)
    result, seen = Resealed({}, []), 0
    for column, purpose in columns:
        table, last = column.class_.__tablename__, 0
        while True:
            with writing() as session:
                rows = _older(session, column, sealer, last)
                for row_id, sealed in rows:
                    try:
                        fresh = _anew(sealer, sealed, purpose)
                    except SealBroken as error:
                        result.broken.append(f"{table} {row_id}: {error}")
                        continue
                    done = _replaced(session, column, row_id, sealed, fresh)
                    result.done[table] = result.done.get(table, 0) + done
            if not rows:
                break
            last, seen = rows[-1][0], seen + len(rows)
            progress(seen, max(total, seen))
    return result


def _older(
    session: Session, column: InstrumentedAttribute[Any], sealer: Sealer, after: int
) -> list[tuple[int, Any]]:
    owner = column.class_
    wanted = select(owner.id, column).where(owner.id > after, *_sealed_by_another(column, sealer))
    return [(row_id, sealed) for row_id, sealed in session.execute(wanted.order_by(owner.id).limit(CHUNK))]


def _count(session: Session, column: InstrumentedAttribute[Any], sealer: Sealer) -> int:
    wanted = select(func.count(column.class_.id)).where(*_sealed_by_another(column, sealer))
    return int(session.scalar(wanted) or 0)


def _sealed_by_another(column: InstrumentedAttribute[Any], sealer: Sealer) -> list[Any]:
    if column is InboxMessage.body:
        mark = literal(sealer.mark, LargeBinary)
        return [InboxMessage.sealed.is_(True), func.substr(column, 1, len(sealer.mark)) != mark]
    return [column.is_not(None), func.substr(column, 1, len(sealer.text_mark)) != sealer.text_mark]


def _anew(sealer: Sealer, sealed: Any, purpose: str) -> Any:
    """Raises SealBroken."""
    if isinstance(sealed, bytes):
        return sealer.seal_bytes(sealer.open_bytes(sealed, purpose), purpose)
    return sealer.seal(sealer.open(sealed, purpose), purpose)


def _replaced(session: Session, column: InstrumentedAttribute[Any], row_id: int, old: Any, new: Any) -> int:
    """Only what is there still: an account may have been bound anew in between."""
    owner = column.class_
    if isinstance(old, bytes):
        same = func.substr(column, 1, HEAD) == literal(old[:HEAD], LargeBinary)
    else:
        same = column == old
    return changed(session, update(owner).where(owner.id == row_id, same).values({column.key: new}))
