"""What an admin sees at a glance: accounts, what waits, what failed, what was ignored, the last tags."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wxtag import push
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.companies import opened
from wxtag.models import (
    Account,
    Customer,
    CustomerTag,
    FollowUser,
    Identity,
    InboxMessage,
    Lookup,
    Push,
    Tag,
    TagGroup,
    Touched,
)
from wxtag.sealing import masked

LAST = 20


def bindings(session: Session, company_id: int) -> list[dict[str, Any]]:
    """The accounts, their secrets as nothing but dots and a few last characters."""
    rows = session.scalars(select(Account).where(Account.company_id == company_id).order_by(Account.id))
    return [_binding(row, opened(row, core().sealer)) for row in rows]


def _binding(row: Account, account: BoundAccount) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "name": row.name,
        "appid": row.appid,
        "secrets": {"Secret": masked(account.secret), "Token": masked(account.token)}
        | ({"AESKey": masked(account.aes_key)} if account.aes_key else {}),
        "callback_path": account.callback_path,
        "last_callback_at": row.last_callback_at,
        "status": row.status,
        "trouble": row.trouble,
    }


def waiting(session: Session, company_id: int) -> dict[str, int]:
    """How much waits in each place of the line."""
    counts = {
        "inbox": select(func.count(InboxMessage.id)).where(
            InboxMessage.company_id == company_id, InboxMessage.state == "new"
        ),
        "lookups": select(func.count(Lookup.id)).where(
            Lookup.company_id == company_id, Lookup.state == "waiting"
        ),
        "touched": select(func.count(func.distinct(Touched.customer_id))).where(
            Touched.company_id == company_id
        ),
        "pushes": select(func.count(Push.follow_user_id)).where(
            Push.company_id == company_id, Push.state == "waiting"
        ),
    }
    return {name: session.scalar(count) or 0 for name, count in counts.items()}


def failures(session: Session, company_id: int) -> list[dict[str, Any]]:
    """The newest messages and pushes that nobody tries again, with the reason."""
    messages = session.scalars(
        select(InboxMessage)
        .where(InboxMessage.company_id == company_id, InboxMessage.state == "failed")
        .order_by(InboxMessage.id.desc())
        .limit(LAST)
    )
    found: list[dict[str, Any]] = [
        {"what": row.event or row.source, "why": row.error, "at": row.received_at} for row in messages
    ]
    pushes = session.execute(
        select(Push, FollowUser.shown, Customer.name)
        .join(FollowUser, FollowUser.id == Push.follow_user_id)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .join(Customer, Customer.id == Identity.customer_id)
        .where(Push.company_id == company_id, Push.state == "failed")
        .order_by(Push.changed_at.desc())
        .limit(LAST)
    ).all()
    found += [
        {"what": f"{shown} → {name}", "why": row.error, "at": row.changed_at} for row, shown, name in pushes
    ]
    return sorted(found, key=lambda one: -one["at"])[:LAST]


def ignored(session: Session, company_id: int) -> list[tuple[str, int]]:
    """Events that are kept and mean nothing to us yet, by the platform's name for them."""
    count = func.count(InboxMessage.id)
    return list(
        session.execute(
            select(InboxMessage.event, count)
            .where(InboxMessage.company_id == company_id, InboxMessage.state == "ignored")
            .group_by(InboxMessage.event)
            .order_by(count.desc(), InboxMessage.event)
            .limit(LAST)
        ).all()
    )


def last_tags(session: Session, company_id: int) -> list[dict[str, Any]]:
    """The tags that rules gave last: to whom, why, since when, and where the push of each stands."""
    rows = session.execute(
        select(CustomerTag, Customer.name, Tag.name, TagGroup.path)
        .join(Customer, Customer.id == CustomerTag.customer_id)
        .join(Tag, Tag.id == CustomerTag.tag_id)
        .join(TagGroup, TagGroup.id == Tag.group_id)
        .where(CustomerTag.company_id == company_id)
        .order_by(CustomerTag.since.desc(), CustomerTag.id.desc())
        .limit(LAST)
    ).all()
    stands = push.states(session, company_id, {row[0].customer_id for row in rows})
    return [
        {
            "customer_id": given.customer_id,
            "customer": customer,
            "path": path,
            "tag": tag,
            "why": given.text,
            "at": given.since,
            "push": [one for one in stands[given.customer_id] if one.tag_id == given.tag_id],
        }
        for given, customer, tag, path in rows
    ]
