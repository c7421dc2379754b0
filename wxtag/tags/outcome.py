"""Writes what a computation found: tags given, changed and taken, each with its line in the history."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from wxtag.models import CustomerTag, History, Tag
from wxtag.tags.answers import Difference

ACTOR = "rules"
IN_ONE_GO = {"render_nulls": True}
"""Without it rows that have a value and rows that have none are inserted in turns of a few."""


@dataclass
class Computed:
    """What a computation did."""

    changed: set[int] = field(default_factory=set)
    """Customers whose tags or values changed."""
    given: int = 0
    taken: int = 0
    tags_made: int = 0
    over_cap: int = 0
    """Keys of families for which the group had no room."""

    def add(self, other: "Computed") -> None:
        self.changed |= other.changed
        self.given += other.given
        self.taken += other.taken
        self.tags_made += other.tags_made
        self.over_cap = max(self.over_cap, other.over_cap)


def write_differences(
    session: Session, company_id: int, differences: Sequence[Difference], computed: Computed, now: int
) -> None:
    """Makes the rows what the rules say. `since` stays for as long as the tag holds."""
    names = _names(session, {one.tag_id for one in differences})
    given, taken, kept, history = [], [], [], []
    for one in differences:
        if one.row_id is None:
            given.append(_row(company_id, one, now))
            history.append(_line(company_id, one, "tagged", f"{names[one.tag_id]}：{one.text}", now))
        elif one.version_id is None:
            taken.append(one.row_id)
            history.append(_line(company_id, one, "untagged", f"{names[one.tag_id]}：不再符合规则", now))
        else:
            kept.append(_new_words(one))
        if one.row_id is None or one.version_id is None or one.value != one.old_value:
            computed.changed.add(one.customer_id)
    if taken:
        session.execute(delete(CustomerTag).where(CustomerTag.id.in_(taken)))
    if given:
        session.execute(insert(CustomerTag), given, execution_options=IN_ONE_GO)
    if kept:
        session.execute(update(CustomerTag), kept)
    if history:
        session.execute(insert(History), history, execution_options=IN_ONE_GO)
    computed.given += len(given)
    computed.taken += len(taken)


def _new_words(one: Difference) -> dict[str, Any]:
    return {"id": one.row_id, "rule_version_id": one.version_id, "value": one.value, "text": one.text}


def _row(company_id: int, one: Difference, now: int) -> dict[str, Any]:
    return {
        "company_id": company_id,
        "customer_id": one.customer_id,
        "tag_id": one.tag_id,
        "rule_version_id": one.version_id,
        "value": one.value,
        "text": one.text,
        "since": now,
    }


def _line(company_id: int, one: Difference, verb: str, text: str, now: int) -> dict[str, Any]:
    return {
        "company_id": company_id,
        "customer_id": one.customer_id,
        "verb": verb,
        "tag_id": one.tag_id,
        "follow_user_id": None,
        "actor": ACTOR,
        "text": text,
        "details": {} if one.value is None else {"value": one.value},
        "at": now,
    }


def _names(session: Session, tag_ids: set[int]) -> dict[int, str]:
    return dict(session.execute(select(Tag.id, Tag.name).where(Tag.id.in_(tag_ids))).all())
