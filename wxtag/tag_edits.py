"""Single groups and tags of the library made, changed and retired, as the API and the console do it.

As in the library's file: what is retired keeps its marks and history, and comes back under the same name.
"""

from typing import Any

from sqlalchemy import ColumnElement, func, insert, literal, select
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.errors import InputError, NotFound
from wxtag.models import Company, Customer, CustomerTag, Mark, RuleVersion, Tag, TagGroup, Touched
from wxtag.rule_versions import keep_version

EVERYONE_AT_ONCE = 20_000
"""Up to so many customers a new rule is worked out for everyone at once; beyond it, at 03:00."""


def group_of(session: Session, company_id: int, group_id: int) -> TagGroup:
    """A group that is in the library. Raises NotFound."""
    group = session.scalar(
        select(TagGroup).where(
            TagGroup.company_id == company_id, TagGroup.id == group_id, TagGroup.retired_at.is_(None)
        )
    )
    if group is None:
        raise NotFound(f"there is no tag group {group_id}")
    return group


def tag_of(session: Session, company_id: int, tag_id: int) -> Tag:
    """A tag that is not retired. Raises NotFound."""
    tag = session.scalar(
        select(Tag).where(Tag.company_id == company_id, Tag.id == tag_id, Tag.retired_at.is_(None))
    )
    if tag is None:
        raise NotFound(f"there is no tag {tag_id}")
    return tag


def save_group(
    session: Session, company_id: int, group_id: int | None, values: dict[str, Any], actor: str
) -> TagGroup:
    """Makes a group, or gives an existing one all these values. Raises InputError, NotFound."""
    _one_at_a_time(session, company_id)
    group = group_of(session, company_id, group_id) if group_id is not None else None
    path, family = values["path"], values["family"]
    other = session.scalar(select(TagGroup).where(TagGroup.company_id == company_id, TagGroup.path == path))
    if other is not None and other is not group:
        if group is not None or other.retired_at is None:
            raise InputError(f"there is a tag group {path} already")
        group = other  # it left the library once, and comes back
    if group is None:
        group = TagGroup(company_id=company_id, path=path)
        session.add(group)
        session.flush()
    by_hand = Tag.family_key.is_(None)
    if family is not None and session.scalar(select(Tag.id).where(_live(group.id), by_hand).limit(1)):
        raise InputError(f"{path} has tags of its own, and a family makes all tags of its group")
    for name, value in values.items():
        if name != "family":
            setattr(group, name, value)
    group.retired_at = None
    _set_family(session, group, family, actor)
    return group


def remove_group(session: Session, company_id: int, group_id: int, actor: str) -> None:
    """Takes a group and all its tags out of the library; their history stays. Raises NotFound."""
    _one_at_a_time(session, company_id)
    group = group_of(session, company_id, group_id)
    _set_family(session, group, None, actor)
    for tag in session.scalars(select(Tag).where(_live(group_id))):
        _retire(session, tag, actor)
    group.retired_at = clock.now()
    session.flush()


def save_tag(
    session: Session, company_id: int, tag_id: int | None, values: dict[str, Any], actor: str
) -> Tag:
    """Makes a tag, or gives an existing one all these values. Raises InputError, NotFound."""
    _one_at_a_time(session, company_id)
    tag = tag_of(session, company_id, tag_id) if tag_id is not None else None
    group, name = group_of(session, company_id, values["group_id"]), values["name"]
    if group.family is not None:
        raise InputError(f"the tags of {group.path} are made by its family: change the group instead")
    other = session.scalar(select(Tag).where(Tag.group_id == group.id, Tag.name == name))
    if other is not None and other is not tag:
        if tag is not None or other.retired_at is None:
            raise InputError(f"{group.path} has, or had, a tag {name} already")
        tag = other  # the same name again is the same tag: marks and history go on
    if tag is None:
        tag = Tag(company_id=company_id, group_id=group.id, name=name)
        session.add(tag)
    for field, value in values.items():
        if field != "rule":
            setattr(tag, field, value)
    tag.retired_at = tag.family_key = None
    session.flush()
    if keep_version(session, company_id, values["rule"], actor, tag_id=tag.id):
        compute_everyone(session, company_id)
    return tag


def retire_tag(session: Session, company_id: int, tag_id: int, actor: str) -> None:
    """Takes a tag out of the library: it goes off all customers, and its history stays. Raises NotFound."""
    _one_at_a_time(session, company_id)
    tag = tag_of(session, company_id, tag_id)
    if tag.family_key is not None:
        raise InputError(f"{tag.name} is made by its group's family: change the group instead")
    _retire(session, tag, actor)


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


def _one_at_a_time(session: Session, company_id: int) -> None:
    """Two changes at once would each miss what the other adds."""
    session.get_one(Company, company_id, with_for_update=True)


def _live(group_id: int) -> ColumnElement[bool]:
    return (Tag.group_id == group_id) & Tag.retired_at.is_(None)


def _set_family(session: Session, group: TagGroup, family: dict[str, Any] | None, actor: str) -> None:
    """What a family made goes with it, and with a change of its kind: the keys mean nothing to another."""
    if group.family is not None and (family is None or family["kind"] != group.family["kind"]):
        for tag in session.scalars(select(Tag).where(_live(group.id), Tag.family_key.is_not(None))):
            _retire(session, tag, actor)
    group.family = family
    session.flush()
    if keep_version(session, group.company_id, family, actor, group_id=group.id):
        compute_everyone(session, group.company_id)


def _retire(session: Session, tag: Tag, actor: str) -> None:
    tag.retired_at = clock.now()
    session.flush()
    keep_version(session, tag.company_id, None, actor, tag_id=tag.id)
    ruled = select(CustomerTag.customer_id).where(CustomerTag.tag_id == tag.id)
    marked = select(Mark.customer_id).where(Mark.tag_id == tag.id, Mark.ended_at.is_(None))
    _touch(session, tag.company_id, Customer.id.in_(ruled) | Customer.id.in_(marked))


def _touch(session: Session, company_id: int, which: ColumnElement[bool]) -> None:
    rows = select(literal(company_id), Customer.id, literal(clock.now())).where(
        Customer.company_id == company_id, which
    )
    session.execute(insert(Touched).from_select(["company_id", "customer_id", "at"], rows))
