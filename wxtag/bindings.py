"""Whether a binding works: marked broken with what the platform said, and whole again when it answers."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag.accounts import BoundAccount
from wxtag.database import reading, writing
from wxtag.errors import PlatformError
from wxtag.models import Account, Lookup, Push


def tell_admin(account_id: int, error: PlatformError) -> None:
    """Marks a binding as broken, with what the platform said: the status page shows it."""
    with writing() as session:
        session.execute(
            update(Account).where(Account.id == account_id).values(status="broken", trouble=str(error)[:190])
        )


def mended(account_ids: set[int]) -> None:
    """These accounts answered again: their trouble is over."""
    broken = select(Account.id).where(Account.id.in_(account_ids), Account.status == "broken")
    with reading() as session:
        if session.scalar(broken.limit(1)) is None:
            return  # asked first: the UPDATE would lock rows that every insert refers to
    with writing() as session:
        session.execute(
            update(Account)
            .where(Account.id.in_(account_ids), Account.status == "broken")
            .values(status="active", trouble=None)
        )


def try_again(session: Session, account: BoundAccount) -> None:
    """What waited for the admin to do something waits no longer."""
    session.execute(update(Account).where(Account.id == account.id).values(status="active", trouble=None))
    session.execute(
        update(Lookup)
        .where(Lookup.account_id == account.id, Lookup.state == "waiting")
        .values(next_try_at=0, tries=0)
    )
    if account.kind == "wecom":
        session.execute(
            update(Push)
            .where(
                Push.company_id == account.company_id,
                Push.corpid == account.key,
                Push.state.in_(("waiting", "failed")),
            )
            .values(state="waiting", next_try_at=0, tries=0)
        )
