"""Evidence that needs a person: what it is, and what the person decides."""

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import verdicts
from wxtag.apikeys import Caller
from wxtag.customer_cards import shown_value
from wxtag.database import reading, writing
from wxtag.errors import NotFound
from wxtag.models import Conflict, Identity
from wxtag.web.api.access import MANAGERS, auth, blueprint, caller, compute_soon
from wxtag.web.api.shapes import Answer, Body, IdentityOut, Page, Time

bp = blueprint("conflicts", "Conflicts")


class ConflictQuery(Page):
    state: Literal["open", "decided"] = Field("open", description="Those that wait, or those decided.")


class DecisionIn(Body):
    decision: Literal["same", "different"]


class Side(IdentityOut):
    customer: int


class ConflictOut(Answer):
    id: int
    kind: str
    identity: Side
    sides: list[Side]
    state: str
    decision: str | None
    actor: str | None
    time: Time


class ConflictPage(Answer):
    items: list[ConflictOut]
    next: str | None


@bp.get("/conflicts")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(ConflictQuery, location="query")
@bp.output(ConflictPage)
def list_conflicts(query_data: ConflictQuery) -> dict[str, Any]:
    """Ids that evidence would join to two different people; each stands alone until somebody decides."""
    who = caller()
    with reading() as session:
        rows = list(
            session.scalars(
                select(Conflict)
                .where(
                    Conflict.company_id == who.company_id,
                    Conflict.state == query_data.state,
                    Conflict.id > (query_data.number() or 0),
                )
                .order_by(Conflict.id)
                .limit(query_data.limit + 1)
            )
        )
        page = rows[: query_data.limit]
        items = [_shown(session, row, who) for row in page]
    return {"items": items, "next": str(page[-1].id) if len(rows) > query_data.limit else None}


@bp.post("/conflicts/<int:conflict_id>")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(DecisionIn)
@bp.output(ConflictOut)
def decide_conflict(conflict_id: int, json_data: DecisionIn) -> dict[str, Any]:
    """Decides whether the sides are the same person; the decision stands for good."""
    who = caller()
    with writing() as session:
        verdicts.decide(session, who.company_id, conflict_id, json_data.decision, who.actor)
    compute_soon()
    with reading() as session:
        row = session.get(Conflict, conflict_id)
        if row is None:
            raise NotFound(f"there is no conflict {conflict_id}")
        return _shown(session, row, who)


def _shown(session: Session, row: Conflict, who: Caller) -> dict[str, Any]:
    sides: list[int] = list(row.evidence.get("sides", []))
    found = {
        one.id: one
        for one in session.scalars(
            select(Identity).where(
                Identity.id.in_([row.identity_id, *sides]), Identity.company_id == who.company_id
            )
        )
    }
    return {
        "id": row.id,
        "kind": row.kind,
        "identity": _side(found[row.identity_id], who),
        "sides": [_side(found[one], who) for one in sides if one in found],
        "state": row.state,
        "decision": row.decision,
        "actor": row.actor,
        "time": row.at,
    }


def _side(one: Identity, who: Caller) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "scope": one.scope,
        "value": shown_value(one, who),
        "customer": one.customer_id,
    }
