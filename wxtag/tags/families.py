"""Makes the tags of families, up to each group's cap, and retires those that nobody has any more."""

from collections.abc import Mapping

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.models import CustomerTag, Mark, Tag, TagGroup
from wxtag.tags.compiled import kind_of
from wxtag.tags.in_force import GroupFamily
from wxtag.tags.kinds import AS_FAMILIES


def make_tags(
    session: Session, company_id: int, families: list[GroupFamily], keys: Mapping[int, Mapping[str, int]]
) -> tuple[dict[int, dict[str, int]], int, int]:
    """The tag of each key: (group -> key -> tag, how many were made or came back, how many keys got none).

    Where the cap is near, the keys that most customers have come first.
    """
    tags: dict[int, dict[str, int]] = {}
    made = over_cap = 0
    for one in families:
        wanted = keys.get(one.group_id, {})
        known = _known(session, one.group_id)
        missing = sorted(set(wanted) - set(known), key=lambda key: (-wanted[key], key))
        if missing:
            # Two computations at once must not both make it: the group's row lets one after the other.
            group = session.get(TagGroup, one.group_id, with_for_update=True)
            assert group is not None
            known = _known(session, one.group_id)
            room = max(0, group.cap - len(known))
            missing = [key for key in missing if key not in known]
            for key in missing[:room]:
                known[key] = _make(session, company_id, group, key, _name(one, key))
                made += 1
            over_cap += len(missing[room:])
        tags[one.group_id] = known
    return tags, made, over_cap


def retire_empty(session: Session, company_id: int) -> int:
    """Retires the tags of families that no rule and no mark gives to anybody; returns how many."""
    given = exists().where(CustomerTag.company_id == company_id, CustomerTag.tag_id == Tag.id)
    marked = exists().where(
        Mark.company_id == company_id, Mark.tag_id == Tag.id, Mark.verb == "mark", Mark.ended_at.is_(None)
    )
    empty = session.scalars(
        select(Tag.id).where(
            Tag.company_id == company_id,
            Tag.family_key.is_not(None),
            Tag.retired_at.is_(None),
            ~given,
            ~marked,
        )
    ).all()
    for start in range(0, len(empty), 500):
        session.execute(
            update(Tag).where(Tag.id.in_(empty[start : start + 500])).values(retired_at=clock.now())
        )
    return len(empty)


def _known(session: Session, group_id: int) -> dict[str, int]:
    rows = session.execute(
        select(Tag.family_key, Tag.id).where(
            Tag.group_id == group_id, Tag.family_key.is_not(None), Tag.retired_at.is_(None)
        )
    )
    return {str(key): tag_id for key, tag_id in rows}


def _name(one: GroupFamily, key: str) -> str:
    family = AS_FAMILIES[kind_of(one.family)].family
    assert family is not None
    return family.tag_name(key)


def _make(session: Session, company_id: int, group: TagGroup, key: str, name: str) -> int:
    """A new tag, or the retired one of that key or name come back."""
    found = session.scalars(
        select(Tag)
        .where(Tag.group_id == group.id, (Tag.family_key == key) | (Tag.name == name))
        .order_by(Tag.name == name, Tag.id)
    ).all()
    tag = found[-1] if found else Tag(company_id=company_id, group_id=group.id, colour="", description="")
    tag.name, tag.family_key, tag.retired_at = name, key, None
    session.add(tag)
    session.flush()
    return tag.id
