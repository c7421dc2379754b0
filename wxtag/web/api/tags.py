"""The tags of the library, each with the rule that gives it."""

from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import tag_edits, touch
from wxtag.database import reading, writing
from wxtag.library_file import Name, Order
from wxtag.models import Tag, TagGroup
from wxtag.tags.rules import Rule, stored
from wxtag.web.api.access import EVERYONE, MANAGERS, auth, blueprint, caller, compute_soon
from wxtag.web.api.shapes import Answer, Body, Id, Note, Page

bp = blueprint("tags", "Tag library")


class TagQuery(Page):
    group: Id | None = Field(None, description="Only the tags of this group.")


class TagIn(Body):
    group_id: Id
    name: Name
    order: Order = 0
    colour: str = Field("", pattern=r"^(#[0-9A-Fa-f]{6})?$", description="Like #07C160.")
    description: Note = ""
    rule: Rule | None = Field(None, description="A tree of all, any, not over conditions; null: by hand.")


class TagOut(Answer):
    id: int
    group_id: int
    path: list[str]
    name: str
    order: int
    colour: str
    description: str
    family_key: str | None = Field(description="Of a tag that the group's family made.")
    rule: dict[str, Any] | None


class TagPage(Answer):
    items: list[TagOut]
    next: str | None


@bp.get("/tags")
@bp.auth_required(auth, roles=EVERYONE)
@bp.input(TagQuery, location="query")
@bp.output(TagPage)
def list_tags(query_data: TagQuery) -> dict[str, Any]:
    """All tags that are not retired, by id."""
    company_id = caller().company_id
    wanted = (
        select(Tag)
        .where(Tag.company_id == company_id, Tag.retired_at.is_(None), Tag.id > (query_data.number() or 0))
        .order_by(Tag.id)
        .limit(query_data.limit + 1)
    )
    if query_data.group is not None:
        wanted = wanted.where(Tag.group_id == query_data.group)
    with reading() as session:
        rows = list(session.scalars(wanted))
        page = rows[: query_data.limit]
        items = _shown(session, company_id, page)
    return {"items": items, "next": str(page[-1].id) if len(rows) > len(page) else None}


@bp.post("/tags")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(TagIn)
@bp.output(TagOut, status_code=201)
def make_tag(json_data: TagIn) -> dict[str, Any]:
    """Makes a tag; its rule is worked out for everyone at once, or at 03:00 where they are many."""
    return _save(None, json_data)


@bp.get("/tags/<int:tag_id>")
@bp.auth_required(auth, roles=EVERYONE)
@bp.output(TagOut)
def get_tag(tag_id: int) -> dict[str, Any]:
    """One tag."""
    company_id = caller().company_id
    with reading() as session:
        return _shown(session, company_id, [tag_edits.tag_of(session, company_id, tag_id)])[0]


@bp.put("/tags/<int:tag_id>")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(TagIn)
@bp.output(TagOut)
def change_tag(tag_id: int, json_data: TagIn) -> dict[str, Any]:
    """Gives a tag all these values; what is left out gets its default, without a rule: by hand."""
    return _save(tag_id, json_data)


@bp.delete("/tags/<int:tag_id>")
@bp.auth_required(auth, roles=MANAGERS)
@bp.output({}, status_code=204)
def delete_tag(tag_id: int) -> str:
    """Retires a tag: it goes off all customers and out of WeCom; its history stays."""
    who = caller()
    with writing() as session:
        tag_edits.retire_tag(session, who.company_id, tag_id, who.actor)
        touch.want_library(session, who.company_id)
    compute_soon()
    return ""


def _save(tag_id: int | None, given: TagIn) -> dict[str, Any]:
    who = caller()
    values = given.model_dump(exclude={"rule"})
    values["rule"] = stored(given.rule) if given.rule else None
    with writing() as session:
        row = tag_edits.save_tag(session, who.company_id, tag_id, values, who.actor)
        touch.want_library(session, who.company_id)
        shown = _shown(session, who.company_id, [row])[0]
    compute_soon()
    return shown


def _shown(session: Session, company_id: int, rows: list[Tag]) -> list[dict[str, Any]]:
    rules = tag_edits.rules_of(session, company_id, [row.id for row in rows])
    paths = dict(
        session.execute(
            select(TagGroup.id, TagGroup.path).where(TagGroup.id.in_({row.group_id for row in rows}))
        ).all()
    )
    return [
        {
            "id": row.id,
            "group_id": row.group_id,
            "path": paths[row.group_id].split("/"),
            "name": row.name,
            "order": row.order,
            "colour": row.colour,
            "description": row.description,
            "family_key": row.family_key,
            "rule": rules.get(row.id),
        }
        for row in rows
    ]
