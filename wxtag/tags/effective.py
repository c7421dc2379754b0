"""Which tags a customer and each of their relations should have: rules, marks and vetoes together."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag.models import Customer, CustomerTag, FollowUser, Identity, Mark, Tag, TagGroup
from wxtag.tags.decisions import Decisions, decisions


@dataclass(frozen=True)
class Reason:
    """One reason why a tag is there."""

    source: str
    """rule, hand, list or wecom."""
    text: str
    since: int
    """Milliseconds."""


@dataclass(frozen=True)
class Given:
    """A tag that a customer has."""

    tag_id: int
    value: int | None
    reasons: list[Reason] = field(default_factory=list)
    follow_user_id: int | None = None
    """Set: it belongs to this relation only."""


@dataclass(frozen=True)
class Answer:
    """What the rules say of one tag of one customer."""

    tag_id: int
    value: int | None
    text: str
    since: int


def tags_of(session: Session, company_id: int, customer_ids: Collection[int]) -> dict[int, list[Given]]:
    """The tags of each customer with their reasons: those of the whole customer, then those of one relation
    alone. Retired tags are left out; a customer that became another one has none."""
    live = _live(session, company_id, customer_ids)
    answers = _answers(session, company_id, live)
    made = decisions(session, company_id, live)
    retired = _retired(session, company_id)
    found: dict[int, list[Given]] = {customer_id: [] for customer_id in customer_ids}
    for customer_id in sorted(live):
        by_rules, by_people = answers[customer_id], made[customer_id]
        for tag_id in sorted({*by_rules, *by_people.customer} - retired):
            given = _given(tag_id, by_rules.get(tag_id), by_people.customer.get(tag_id, []))
            if given is not None:
                found[customer_id].append(given)
        for (follow_user_id, tag_id), several in sorted(by_people.relation.items()):
            if tag_id not in retired and _own(several, by_people.customer.get(tag_id, [])):
                reasons = [_reason(mark) for mark in several if mark.verb == "mark"]
                found[customer_id].append(Given(tag_id, None, reasons, follow_user_id))
    return found


def wanted(session: Session, company_id: int, follow_user_ids: Collection[int]) -> dict[int, set[int]]:
    """The tags that each relation should show in WeCom: of groups that are pushed, and not retired."""
    relations = session.execute(
        select(FollowUser.id, Identity.customer_id)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .where(FollowUser.company_id == company_id, FollowUser.id.in_(follow_user_ids))
    ).all()
    customers = {customer_id for _, customer_id in relations}
    answers = _answers(session, company_id, customers)
    made = decisions(session, company_id, customers)
    pushed = set(
        session.scalars(
            select(Tag.id)
            .join(TagGroup, TagGroup.id == Tag.group_id)
            .where(Tag.company_id == company_id, Tag.retired_at.is_(None), TagGroup.push == "on")
        )
    )
    found: dict[int, set[int]] = {follow_user_id: set() for follow_user_id in follow_user_ids}
    for follow_user_id, customer_id in relations:
        by_rules, by_people = answers[customer_id], made[customer_id]
        own = {tag_id for relation, tag_id in by_people.relation if relation == follow_user_id}
        for tag_id in {*by_rules, *by_people.customer, *own} & pushed:
            if _wanted(tag_id, follow_user_id, by_rules, by_people):
                found[follow_user_id].add(tag_id)
    return found


def _wanted(tag_id: int, follow_user_id: int, by_rules: dict[int, Answer], by_people: Decisions) -> bool:
    """The relation's own decision first, then the customer's, then the rules'."""
    own = by_people.relation.get((follow_user_id, tag_id), [])
    whole = by_people.customer.get(tag_id, [])
    if own:
        return _own(own, whole)
    return _given(tag_id, by_rules.get(tag_id), whole) is not None


def _own(own: Sequence[Mark], whole: Sequence[Mark]) -> bool:
    """Whether a relation's own decisions give the tag; a later veto of the whole customer takes it."""
    newest = own[-1]
    if newest.verb == "veto":
        return False
    later_veto = bool(whole) and whole[-1].verb == "veto" and _when(whole[-1]) > _when(newest)
    return not later_veto


def _given(tag_id: int, answer: Answer | None, whole: Sequence[Mark]) -> Given | None:
    """The tag as the whole customer has it; the newest decision counts, then the rule."""
    if whole and whole[-1].verb == "veto":
        return None
    reasons = [Reason("rule", answer.text, answer.since)] if answer is not None else []
    vetoes = [_when(mark) for mark in whole if mark.verb == "veto"]
    reasons += [
        _reason(mark) for mark in whole if mark.verb == "mark" and (not vetoes or _when(mark) > vetoes[-1])
    ]
    return Given(tag_id, answer.value if answer is not None else None, reasons) if reasons else None


def _when(mark: Mark) -> tuple[int, int]:
    return mark.at, mark.id


def _reason(mark: Mark) -> Reason:
    origin = mark.origin or {}
    if mark.source == "wecom":
        text = f"{mark.actor} 在企业微信中添加"
    elif mark.source == "list":
        row = f"第 {origin['row']} 行" if origin.get("row") else ""
        text = f"名单{origin.get('file', '')}{row}（{mark.actor} 导入）"
    else:
        text = f"{mark.actor} 手工添加"
    return Reason(mark.source, text, mark.at)


def _live(session: Session, company_id: int, customer_ids: Collection[int]) -> set[int]:
    return set(
        session.scalars(
            select(Customer.id).where(
                Customer.company_id == company_id,
                Customer.id.in_(customer_ids),
                Customer.merged_into.is_(None),
            )
        )
    )


def _answers(
    session: Session, company_id: int, customer_ids: Collection[int]
) -> dict[int, dict[int, Answer]]:
    found: dict[int, dict[int, Answer]] = defaultdict(dict)
    rows = session.scalars(
        select(CustomerTag).where(
            CustomerTag.company_id == company_id, CustomerTag.customer_id.in_(customer_ids)
        )
    )
    for row in rows:
        found[row.customer_id][row.tag_id] = Answer(row.tag_id, row.value, row.text, row.since)
    return found


def _retired(session: Session, company_id: int) -> set[int]:
    return set(
        session.scalars(select(Tag.id).where(Tag.company_id == company_id, Tag.retired_at.is_not(None)))
    )
