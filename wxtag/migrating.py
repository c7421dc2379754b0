"""Account migration (公众号迁移): openids of the old account become those of the new one, past and all."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select

from wxtag import clock, inbox
from wxtag.accounts import BoundAccount
from wxtag.database import reading
from wxtag.models import Identity, InboxMessage
from wxtag.platforms import OfficialAccount
from wxtag.spooling import SpoolRecord

AT_ONCE = 100
"""The platform takes so many a call."""
SOURCE = "migration"


@dataclass
class Migrated:
    """How many openids of the old account there are, and what the platform said of those asked now."""

    total: int = 0
    known: int = 0
    """Answered in an earlier run."""
    changed: int = 0
    refused: int = 0
    """No longer fans of the old account, or not known to the platform."""


def migrate(
    account: BoundAccount,
    platform: OfficialAccount,
    old_appid: str,
    progress: Callable[[Migrated], None] = lambda _: None,
) -> Migrated:
    """Asks for the new openid of everyone known by an old one. Goes on where an earlier run ended.

    Each answer becomes a message of the inbox, so that nothing is asked twice and nothing is lost. What was
    refused is asked again by the next run. Raises PlatformError (63178: no such migration).
    """
    done = Migrated()
    ours = (
        Identity.company_id == account.company_id,
        Identity.kind == "openid",
        Identity.scope == old_appid,
    )
    with reading() as session:
        done.total = session.scalar(select(func.count(Identity.id)).where(*ours)) or 0
    after = 0
    while True:
        with reading() as session:
            page = session.execute(
                select(Identity.id, Identity.value)
                .where(*ours, Identity.id > after)
                .order_by(Identity.id)
                .limit(AT_ONCE)
            ).all()
            names = {f"{SOURCE}:{account.id}:{old_appid}:{value}": value for _, value in page}
            known = set(
                session.scalars(select(InboxMessage.spool_id).where(InboxMessage.spool_id.in_(names)))
            )
        if not page:
            return done
        after = page[-1].id
        wanted = {value: name for name, value in names.items() if name not in known}
        done.known += len(known)
        if wanted:
            _change(account, platform, old_appid, wanted, done)
        progress(done)


def _change(
    account: BoundAccount, platform: OfficialAccount, old_appid: str, wanted: dict[str, str], done: Migrated
) -> None:
    at, kept = clock.now(), []
    for old, new in platform.change_openids(old_appid, list(wanted)).items():
        if old in wanted:
            body = {"subject": new, "from_appid": old_appid, "from_openid": old}
            record = SpoolRecord(
                account_id=account.id,
                company_id=account.company_id,
                source=SOURCE,
                event="migrated",
                body=json.dumps(body).encode(),
                received_at=at,
            )
            kept.append((wanted[old], record))
    inbox.accept(kept)
    done.changed += len(kept)
    done.refused += len(wanted) - len(kept)
