"""The versions of rules and families: where a tree changed a new one is kept, and no older one touched."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.models import RuleVersion


def keep_version(
    session: Session,
    company_id: int,
    tree: dict[str, Any] | None,
    actor: str,
    *,
    tag_id: int | None = None,
    group_id: int | None = None,
) -> bool:
    """Says whether the tree (nothing: it was taken away) differs from the one that was in force."""
    newest = session.scalars(
        select(RuleVersion)
        .where(
            RuleVersion.company_id == company_id,
            RuleVersion.tag_id == tag_id,
            RuleVersion.group_id == group_id,
        )
        .order_by(RuleVersion.version.desc())
        .limit(1)
    ).first()
    if (newest.tree if newest else None) == tree:
        return False
    session.add(
        RuleVersion(
            company_id=company_id,
            tag_id=tag_id,
            group_id=group_id,
            version=(newest.version if newest else 0) + 1,
            tree=tree,
            actor=actor,
            at=clock.now(),
        )
    )
    session.flush()
    return True
