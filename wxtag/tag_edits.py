"""Single groups and tags of the library made, changed and retired, as the API and the console do it."""

from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, literal, select
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.errors import InputError, NotFound
from wxtag.models import Customer, CustomerTag, Mark, RuleVersion, Tag, TagGroup, Touched

EVERYONE_AT_ONCE = 20_000
"""Up to so many customers a new rule is worked out for everyone at once; beyond it, at 03:00."""
LONGEST = 30


def group_of(session: Session, company_id: int, group_id: int) -> TagGroup:
    """Raises NotFound."""
    group = session.get(TagGroup, group_id)
    if group is None or group.company_id != company_id:
        raise NotFound(f"there is no tag group {group_id}")
    return group


def tag_of(session: Session, company_id: int, tag_id: int) -> Tag:
    """A tag that is not retired. Raises NotFound."""
    tag = session.get(Tag, tag_id)
    if tag is None or tag.company_id != company_id or tag.retired_at is not None:
        raise NotFound(f"there is no tag {tag_id}")
    return tag


def save_group(
    session: Session, company_id: int, group: TagGroup | None, values: dict[str, Any], actor: str
) -> TagGroup:
    """Makes a group, or gives an existing one all these values. Raises InputError."""
    path = _checked_path(values["path"])
    other = session.scalar(
        select(TagGroup.id).where(TagGroup.company_id == company_id, TagGroup.path == path)
    )
    if other is not None and (group is None or other != group.id):
        raise InputError(f"there is a tag group {path} already")
    if group is None:
        group = TagGroup(company_id=company_id, path=path)
        session.add(group)
    family = values.pop("family")
    for name, value in {**values, "path": path}.items():
        setattr(group, name, value)
    session.flush()
    if family != group.family:
        if family and session.scalar(_live_tags(group.id).where(Tag.family_key.is_(None)).limit(1)):
            raise InputError(f"{path} has tags of its own: the tags of a family's group are all made by it")
        group.family = family
        _new_version(session, company_id, family, actor, group_id=group.id)
        compute_everyone(session, company_id)
    return group


def remove_group(session: Session, company_id: int, group_id: int, actor: str) -> None:
    """Takes a group without tags out of the library. Raises InputError while it has any."""
    group = group_of(session, company_id, group_id)
    if session.scalar(_live_tags(group_id).where(Tag.family_key.is_(None)).limit(1)):
        raise InputError(f"{group.path} has tags: delete them first")
    if session.scalar(select(Tag.id).where(Tag.group_id == group_id).limit(1)) is None:
        session.execute(delete(RuleVersion).where(RuleVersion.group_id == group_id))
        session.delete(group)
        return
    raise InputError(f"{group.path} had tags, which customers' histories name: it stays, empty")


def save_tag(session: Session, company_id: int, tag: Tag | None, values: dict[str, Any], actor: str) -> Tag:
    """Makes a tag, or gives an existing one all these values; a new rule takes effect at once."""
    group = group_of(session, company_id, values["group_id"])
    if group.family is not None:
        raise InputError(f"the tags of {group.path} are made by its family: change the group instead")
    name = _checked_name(values["name"], "name")
    same = select(Tag).where(Tag.company_id == company_id, Tag.group_id == group.id, Tag.name == name)
    other = session.scalar(same)
    if other is not None and other.retired_at is None and (tag is None or other.id != tag.id):
        raise InputError(f"there is a tag {name} in {group.path} already")
    if other is not None and other.retired_at is not None:
        if tag is not None:
            raise InputError(f"a retired tag of {group.path} is called {name}: make it anew instead")
        tag = other  # the same name again is the same tag: marks and history go on
    if tag is None:
        tag = Tag(company_id=company_id, group_id=group.id, name=name)
        session.add(tag)
    rule = values.pop("rule")
    for field, value in {**values, "name": name}.items():
        setattr(tag, field, value)
    tag.retired_at = None
    session.flush()
    if rule != rule_of(session, company_id, tag.id):
        _new_version(session, company_id, rule, actor, tag_id=tag.id)
        compute_everyone(session, company_id)
    return tag


def retire_tag(session: Session, company_id: int, tag_id: int, actor: str) -> None:
    """Takes a tag out of the library: it goes off all customers, and its history stays."""
    tag = tag_of(session, company_id, tag_id)
    if tag.family_key is not None:
        raise InputError(f"{tag.name} is made by its group's family: change the group instead")
    tag.retired_at = clock.now()
    if rule_of(session, company_id, tag_id) is not None:
        _new_version(session, company_id, None, actor, tag_id=tag_id)
    for holders in (
        select(CustomerTag.customer_id).where(CustomerTag.tag_id == tag_id),
        select(Mark.customer_id).where(Mark.tag_id == tag_id, Mark.ended_at.is_(None)),
    ):
        _touch(session, company_id, Customer.id.in_(holders))


def rule_of(session: Session, company_id: int, tag_id: int) -> dict[str, Any] | None:
    """The tree that is in force."""
    return session.scalars(
        select(RuleVersion.tree)
        .where(RuleVersion.company_id == company_id, RuleVersion.tag_id == tag_id)
        .order_by(RuleVersion.version.desc())
        .limit(1)
    ).first()


def rules_of(session: Session, company_id: int, tag_ids: list[int]) -> dict[int, dict[str, Any] | None]:
    """The trees in force of several tags."""
    rows = session.execute(
        select(RuleVersion.tag_id, RuleVersion.tree)
        .where(RuleVersion.company_id == company_id, RuleVersion.tag_id.in_(tag_ids))
        .order_by(RuleVersion.version)
    )
    return {tag_id: tree for tag_id, tree in rows if tag_id is not None}


def compute_everyone(session: Session, company_id: int) -> None:
    """A rule changed: everyone's tags are worked out again, now or, where they are many, at 03:00."""
    count = session.scalar(select(func.count(Customer.id)).where(Customer.company_id == company_id)) or 0
    if count <= EVERYONE_AT_ONCE:
        _touch(session, company_id, Customer.merged_into.is_(None))


def _touch(session: Session, company_id: int, which: ColumnElement[bool]) -> None:
    rows = select(literal(company_id), Customer.id, literal(clock.now())).where(
        Customer.company_id == company_id, which
    )
    session.execute(insert(Touched).from_select(["company_id", "customer_id", "at"], rows))


def _live_tags(group_id: int) -> Select[int]:
    return select(Tag.id).where(Tag.group_id == group_id, Tag.retired_at.is_(None))


def _new_version(
    session: Session,
    company_id: int,
    tree: dict[str, Any] | None,
    actor: str,
    *,
    tag_id: int | None = None,
    group_id: int | None = None,
) -> None:
    newest = session.scalar(
        select(func.max(RuleVersion.version)).where(
            RuleVersion.company_id == company_id,
            RuleVersion.tag_id == tag_id if tag_id else RuleVersion.group_id == group_id,
        )
    )
    session.add(
        RuleVersion(
            company_id=company_id,
            tag_id=tag_id,
            group_id=group_id,
            version=(newest or 0) + 1,
            tree=tree,
            actor=actor,
            at=clock.now(),
        )
    )
    session.flush()


def _checked_path(path: str) -> str:
    parts = [part.strip() for part in path.split("/")]
    if len(parts) > 2:
        raise InputError(f"path is {path!r}: expected one or two levels, like 地区 or 一级/二级")
    for part in parts:
        _checked_name(part, "path")
    joined = "/".join(parts)
    if len(joined) > LONGEST:
        raise InputError(f"path has {len(joined)} characters: WeCom takes at most {LONGEST}")
    return joined


def _checked_name(name: str, field: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST:
        raise InputError(f"{field} has {len(name)} characters: WeCom takes 1 to {LONGEST}")
    if "/" in name:
        raise InputError(f"{field} is {name!r}: / stands between levels and cannot be in a name")
    return name
