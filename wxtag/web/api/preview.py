"""A rule tried before it is saved."""

from typing import Any

from pydantic import Field
from sqlalchemy import select

from wxtag import clock, tag_edits, tag_preview
from wxtag.database import reading
from wxtag.models import Customer
from wxtag.tags.rules import Rule
from wxtag.web.api.access import MANAGERS, auth, blueprint, caller
from wxtag.web.api.shapes import Answer, Body, Id

bp = blueprint("preview", "Tag library")


class PreviewIn(Body):
    rule: Rule
    tag_id: Id | None = Field(None, description="The tag whose rule it would replace.")


class SampleOut(Answer):
    id: int
    name: str
    text: str = Field(description="Why the rule holds for this customer.")


class PreviewOut(Answer):
    matches: int
    sample: list[SampleOut]
    calls: int = Field(description="Relations in WeCom whose tags would change, each one call.")


@bp.post("/tags/preview")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(PreviewIn)
@bp.output(PreviewOut)
def preview_rule(json_data: PreviewIn) -> dict[str, Any]:
    """How many customers a rule matches now, a few of them, and what it would cost; nothing is saved."""
    company_id = caller().company_id
    if json_data.tag_id is not None:
        with reading() as session:
            tag_edits.tag_of(session, company_id, json_data.tag_id)
    found = tag_preview.preview(company_id, json_data.rule, clock.now(), json_data.tag_id)
    with reading() as session:
        names = dict(
            session.execute(
                select(Customer.id, Customer.name).where(Customer.id.in_([one for one, _ in found.sample]))
            ).all()
        )
    return {
        "matches": found.matches,
        "sample": [{"id": one, "name": names.get(one, ""), "text": text} for one, text in found.sample],
        "calls": found.calls,
    }
