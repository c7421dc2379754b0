"""Evidence that needs a person: what it is, and what the person decides."""

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select

from wxtag import verdicts
from wxtag.conflict_cards import cards
from wxtag.conflicts import KINDS
from wxtag.database import reading, writing
from wxtag.errors import NotFound
from wxtag.models import Conflict
from wxtag.web.api.access import MANAGERS, auth, blueprint, caller, compute_soon
from wxtag.web.api.shapes import Answer, Body, IdentityOut, Page, Time

bp = blueprint("conflicts", "Conflicts")


class ConflictQuery(Page):
    state: Literal["open", "decided", "settled"] = Field(
        "open", description="Those that wait; those decided; those that ended without a decision."
    )
    kind: Literal[KINDS] | None = Field(None, description="Only those of this kind.")  # type: ignore[valid-type]


class DecisionIn(Body):
    decision: Literal["same", "different"]


class EvidenceOut(Answer):
    between: list[IdentityOut]
    says: Literal["same", "different"]
    source: str
    verified: bool
    actor: str | None
    message: int | None
    event: str | None
    time: Time


class Disputed(IdentityOut):
    customer: int


class Side(Disputed):
    name: str
    identities: list[IdentityOut]
    evidence: list[EvidenceOut]


class ConflictOut(Answer):
    id: int
    kind: str
    identity: Disputed
    sides: list[Side]
    state: str
    decision: str | None
    actor: str | None
    time: Time
    decided: Time | None
    code: int | None = Field(description="With `refused_openid`: the platform's error code.")


class ConflictPage(Answer):
    items: list[ConflictOut]
    next: str | None


@bp.get("/conflicts")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(ConflictQuery, location="query")
@bp.output(ConflictPage)
def list_conflicts(query_data: ConflictQuery) -> dict[str, Any]:
    """What evidence disputes or proposes, with each side's evidence; it joins nobody until decided."""
    who = caller()
    with reading() as session:
        rows = list(
            session.scalars(
                select(Conflict)
                .where(
                    Conflict.company_id == who.company_id,
                    Conflict.state == query_data.state,
                    Conflict.id > (query_data.number() or 0),
                    *([Conflict.kind == query_data.kind] if query_data.kind else []),
                )
                .order_by(Conflict.id)
                .limit(query_data.limit + 1)
            )
        )
        page = rows[: query_data.limit]
        items = cards(session, who, page)
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
        return cards(session, who, [row])[0]
