"""What programs change about a customer by hand: tags put on and taken off, merges and their undoing."""

from typing import Any

from flask import request
from pydantic import ValidationError
from sqlalchemy import select

from wxtag import customer_past, customers, identity, marks, tag_edits, touch, verdicts
from wxtag.database import writing
from wxtag.errors import NotFound
from wxtag.models import Merge
from wxtag.web.api.access import EVERYONE, MANAGERS, auth, blueprint, caller, compute_soon
from wxtag.web.api.shapes import Answer, Body, CustomerId, Id, RelationIn
from wxtag.web.errors import Problem, faults_of

bp = blueprint("changes", "Customers")


class MergeIn(Body):
    other: Id


class MergeOut(Answer):
    id: int
    merge: int | None


class SplitIn(Body):
    merge: Id


@bp.put("/customers/<int:customer_id>/tags/<int:tag_id>")
@bp.auth_required(auth, roles=EVERYONE)
@bp.output({}, status_code=204)
def put_tag(customer_id: int, tag_id: int) -> str:
    """Puts a tag on by hand: for the customer, or with `{"corpid", "userid"}` for one relation.

    A key of the role staff marks its own relation only.
    """
    _by_hand(marks.put, customer_id, tag_id)
    return ""


@bp.delete("/customers/<int:customer_id>/tags/<int:tag_id>")
@bp.auth_required(auth, roles=EVERYONE)
@bp.output({}, status_code=204)
def delete_tag(customer_id: int, tag_id: int) -> str:
    """Takes a tag off by hand; where a rule gives it, this is a veto."""
    _by_hand(marks.take_off, customer_id, tag_id)
    return ""


@bp.post("/customers/<int:customer_id>/merge")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(MergeIn)
@bp.output(MergeOut)
def merge_customers(customer_id: int, json_data: MergeIn) -> dict[str, Any]:
    """Says that two customers are one person.

    Answers with the customer that both are now, and the merge, for undoing it.
    """
    who = caller()
    with writing() as session:
        other = customers.current(session, who, json_data.other)
        one = customers.current(session, who, customer_id)
        survivor = verdicts.merge(session, who.company_id, one, other, who.actor)
        gone = other if survivor == one else one
        done = customer_past.merge_between(session, survivor, gone)
    compute_soon()
    return {"id": survivor, "merge": done}


@bp.post("/customers/<int:customer_id>/split")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(SplitIn)
@bp.output(CustomerId)
def split_customer(customer_id: int, json_data: SplitIn) -> dict[str, Any]:
    """Undoes a merge; answers with the customer that came back."""
    who = caller()
    with writing() as session:
        now = customers.current(session, who, customer_id)
        row = session.scalar(
            select(Merge).where(Merge.company_id == who.company_id, Merge.id == json_data.merge)
        )
        if row is None or now not in _standing(session, row):
            raise NotFound(f"there is no merge {json_data.merge} of customer {customer_id}")
        back = verdicts.split(session, who.company_id, json_data.merge, who.actor)
    compute_soon()
    return {"id": back}


def _standing(session: Any, row: Merge) -> set[int]:
    return {identity.current(session, row.company_id, one) for one in (row.survivor_id, row.other_id)}


def _by_hand(change: Any, customer_id: int, tag_id: int) -> None:
    who, wanted = caller(), optional_relation()
    if not who.sees_everyone:
        if wanted and (wanted.corpid.lower(), wanted.userid.lower()) != (who.corpid, who.userid):
            raise Problem(403, "a key of the role staff changes tags of its own relation only")
        wanted = RelationIn(corpid=who.corpid, userid=who.userid)
    with writing() as session:
        now = customers.current(session, who, customer_id)
        tag_edits.tag_of(session, who.company_id, tag_id)
        relation_id = None
        if wanted:
            relation_id = customers.relation(session, who, now, wanted.corpid, wanted.userid).id
        change(session, who.company_id, now, tag_id, who.actor, "hand", follow_user_id=relation_id)
        touch.touch(session, who.company_id, {now})
    compute_soon()


def optional_relation() -> RelationIn | None:
    """The body of a request that needs none; an empty object says as much as no body."""
    if not request.get_data().strip():
        return None
    given = request.get_json(force=True)
    if given == {}:
        return None
    try:
        return RelationIn.model_validate(given)
    except ValidationError as error:
        raise Problem(422, "the body is not {corpid, userid}", fields=faults_of(error)) from error
