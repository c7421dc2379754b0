"""The rules and families that are in force in a company: the newest version of each, read."""

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from wxtag.models import RuleVersion, Tag, TagGroup
from wxtag.tags.kind import Strict
from wxtag.tags.rules import read, read_family


@dataclass(frozen=True)
class TagRule:
    """The rule of one tag."""

    tag_id: int
    version_id: int
    rule: Strict


@dataclass(frozen=True)
class GroupFamily:
    """The family that makes the tags of one group."""

    group_id: int
    version_id: int
    family: Strict


def tag_rules(session: Session, company_id: int) -> list[TagRule]:
    """The rule of every tag with one that is not retired. Raises WxtagError where one cannot be read."""
    rows = session.execute(
        newest_versions(company_id)
        .join(Tag, Tag.id == RuleVersion.tag_id)
        .where(Tag.retired_at.is_(None))
        .with_only_columns(Tag.id, Tag.name, RuleVersion.id, RuleVersion.tree)
        .order_by(Tag.id)
    )
    return [
        TagRule(tag_id, version_id, read(tree, f"the tag {name!r}"))
        for tag_id, name, version_id, tree in rows
        if tree is not None
    ]


def group_families(session: Session, company_id: int) -> list[GroupFamily]:
    """The family of every group that has one. Raises WxtagError for one that cannot be read."""
    rows = session.execute(
        newest_versions(company_id)
        .join(TagGroup, TagGroup.id == RuleVersion.group_id)
        .with_only_columns(TagGroup.id, TagGroup.path, RuleVersion.id, RuleVersion.tree)
        .order_by(TagGroup.id)
    )
    return [
        GroupFamily(group_id, version_id, read_family(tree, f"the group {path!r}"))
        for group_id, path, version_id, tree in rows
        if tree is not None
    ]


def newest_versions(company_id: int) -> Select[RuleVersion]:
    """Selects the newest version of each rule and family."""
    newest = (
        select(func.max(RuleVersion.id))
        .where(RuleVersion.company_id == company_id)
        .group_by(RuleVersion.tag_id, RuleVersion.group_id)
    )
    return select(RuleVersion).where(RuleVersion.id.in_(newest))
