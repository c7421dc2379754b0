"""Tags put on and taken off by people: marks and vetoes, of the whole customer or of one relation."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.errors import InputError, NotFound
from wxtag.identity import current
from wxtag.models import CustomerTag, FollowUser, History, Identity, Mark, Tag, TagGroup
from wxtag.tags.decisions import decisions, end_vetoes


@dataclass(frozen=True)
class Marked:
    """Whether something changed, and whose push must be looked at again."""

    changed: bool
    customer_ids: set[int]


@dataclass(frozen=True)
class _Scope:
    """What a decision is about: a tag, a customer as it is now, and one relation or none."""

    company_id: int
    customer_id: int
    tag: Tag
    follow_user_id: int | None
    identity_id: int | None
    origin: dict[str, Any]


def put(
    session: Session,
    company_id: int,
    customer_id: int,
    tag_id: int,
    actor: str,
    source: str,
    follow_user_id: int | None = None,
    origin: dict[str, Any] | None = None,
) -> Marked:
    """Puts a tag on, for the customer or for one relation; `source` is hand, wecom or list.

    Ends vetoes of the same scope. The same source marks once; each source is a reason of its own.
    Raises NotFound, InputError.
    """
    scope = _scope(session, company_id, customer_id, tag_id, follow_user_id, origin)
    standing = _standing(session, scope)
    vetoes = [mark for mark in standing if mark.verb == "veto"]
    newest_veto = vetoes[-1] if vetoes else None
    if newest_veto is None and any(mark.verb == "mark" and mark.source == source for mark in standing):
        return Marked(False, {scope.customer_id})
    now = clock.now()
    for veto in vetoes:
        veto.ended_at = now
    _decide(session, scope, "mark", actor, source, now)
    _tell(session, scope, "marked", actor, source, now)
    session.flush()
    return Marked(True, {scope.customer_id})


def take_off(
    session: Session,
    company_id: int,
    customer_id: int,
    tag_id: int,
    actor: str,
    source: str,
    follow_user_id: int | None = None,
    origin: dict[str, Any] | None = None,
) -> Marked:
    """Takes a tag off: ends the marks of that scope; what still gives the tag (a rule, for a relation also a
    mark of the whole customer) is vetoed. Raises NotFound, InputError."""
    scope = _scope(session, company_id, customer_id, tag_id, follow_user_id, origin)
    standing = _standing(session, scope)
    marks = [mark for mark in standing if mark.verb == "mark"]
    vetoed = any(mark.verb == "veto" for mark in standing)
    now = clock.now()
    for mark in marks:
        mark.ended_at = now
    veto = not vetoed and _still_given(session, scope)
    if veto:
        _decide(session, scope, "veto", actor, source, now)
    if marks or veto:
        _tell(session, scope, "vetoed" if veto else "unmarked", actor, source, now)
        session.flush()
        if scope.follow_user_id is None:
            end_vetoes(session, company_id, {scope.customer_id}, now)
    return Marked(bool(marks or veto), {scope.customer_id})


def _scope(
    session: Session,
    company_id: int,
    customer_id: int,
    tag_id: int,
    follow_user_id: int | None,
    origin: dict[str, Any] | None,
) -> _Scope:
    """Checks everything; a group whose marks belong to the customer lifts a relation's mark to that."""
    customer_id = current(session, company_id, customer_id)
    tag = session.get(Tag, tag_id)
    if tag is None or tag.company_id != company_id:
        raise NotFound(f"there is no tag {tag_id}")
    if tag.retired_at is not None:
        raise InputError(f"the tag {tag.name!r} ({tag_id}) is no longer in the library")
    if follow_user_id is None:
        return _Scope(company_id, customer_id, tag, None, None, dict(origin or {}))
    relation = session.get(FollowUser, follow_user_id)
    identity = session.get(Identity, relation.identity_id) if relation is not None else None
    if relation is None or identity is None or relation.company_id != company_id:
        raise NotFound(f"there is no relation {follow_user_id}")
    if identity.customer_id != customer_id:
        raise InputError(f"the relation {follow_user_id} is not one of customer {customer_id}")
    group = session.get(TagGroup, tag.group_id)
    assert group is not None
    origin = dict(origin or {})
    if group.hand_scope == "customer":
        # The identity stays with the mark: a split sends it along with whom it was made beside.
        return _Scope(
            company_id, customer_id, tag, None, identity.id, {**origin, "follow_user_id": follow_user_id}
        )
    return _Scope(company_id, customer_id, tag, follow_user_id, identity.id, origin)


def _standing(session: Session, scope: _Scope) -> list[Mark]:
    """The live decisions of this scope, oldest first."""
    made = decisions(session, scope.company_id, {scope.customer_id})[scope.customer_id]
    if scope.follow_user_id is not None:
        return made.relation.get((scope.follow_user_id, scope.tag.id), [])
    return made.customer.get(scope.tag.id, [])


def _still_given(session: Session, scope: _Scope) -> bool:
    by_rule = session.scalar(
        select(CustomerTag.id).where(
            CustomerTag.company_id == scope.company_id,
            CustomerTag.customer_id == scope.customer_id,
            CustomerTag.tag_id == scope.tag.id,
        )
    )
    if by_rule is not None:
        return True
    if scope.follow_user_id is None:
        return False
    whole = decisions(session, scope.company_id, {scope.customer_id})[scope.customer_id]
    return any(mark.verb == "mark" for mark in whole.customer.get(scope.tag.id, []))


def _decide(session: Session, scope: _Scope, verb: str, actor: str, source: str, now: int) -> None:
    session.add(
        Mark(
            company_id=scope.company_id,
            tag_id=scope.tag.id,
            verb=verb,
            customer_id=scope.customer_id,
            identity_id=scope.identity_id,
            follow_user_id=scope.follow_user_id,
            source=source,
            actor=actor,
            origin=scope.origin,
            at=now,
        )
    )


def _tell(session: Session, scope: _Scope, verb: str, actor: str, source: str, now: int) -> None:
    session.add(
        History(
            company_id=scope.company_id,
            customer_id=scope.customer_id,
            verb=verb,
            tag_id=scope.tag.id,
            follow_user_id=scope.follow_user_id,
            actor=actor,
            text=scope.tag.name,
            details={"source": source},
            at=now,
        )
    )
