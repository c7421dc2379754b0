"""The groups of the tag library."""

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select

from wxtag import tag_edits, touch
from wxtag.database import reading, writing
from wxtag.library_file import Order, Path
from wxtag.models import TagGroup
from wxtag.tags.rules import FamilyRule, stored
from wxtag.web.api.access import EVERYONE, MANAGERS, auth, blueprint, caller, compute_soon
from wxtag.web.api.shapes import Answer, Body, Note, Page

bp = blueprint("groups", "Tag library")


class GroupIn(Body):
    path: Path = Field(description="One level or two: 地区, 一级/二级.")
    order: Order = 0
    push: Literal["on", "off"] = Field("on", description="Whether its tags go to WeCom.")
    hand_scope: Literal["relation", "customer"] = "relation"
    family: FamilyRule | None = Field(None, description="Makes the tags of this group by itself.")
    cap: int = Field(500, ge=1, le=10_000, description="At most so many tags made by the family.")
    description: Note = ""


class GroupOut(Answer):
    id: int
    path: str
    order: int
    push: str
    hand_scope: str
    family: dict[str, Any] | None
    cap: int
    description: str


class GroupPage(Answer):
    items: list[GroupOut]
    next: str | None


@bp.get("/tag-groups")
@bp.auth_required(auth, roles=EVERYONE)
@bp.input(Page, location="query")
@bp.output(GroupPage)
def list_groups(query_data: Page) -> dict[str, Any]:
    """All groups, by id."""
    with reading() as session:
        rows = list(
            session.scalars(
                select(TagGroup)
                .where(
                    TagGroup.company_id == caller().company_id,
                    TagGroup.id > (query_data.number() or 0),
                    TagGroup.retired_at.is_(None),
                )
                .order_by(TagGroup.id)
                .limit(query_data.limit + 1)
            )
        )
        page = rows[: query_data.limit]
        items = [_shown(row) for row in page]
    return {"items": items, "next": str(page[-1].id) if len(rows) > len(page) else None}


@bp.post("/tag-groups")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(GroupIn)
@bp.output(GroupOut, status_code=201)
def make_group(json_data: GroupIn) -> dict[str, Any]:
    """Makes a group."""
    return _save(None, json_data)


@bp.get("/tag-groups/<int:group_id>")
@bp.auth_required(auth, roles=EVERYONE)
@bp.output(GroupOut)
def get_group(group_id: int) -> dict[str, Any]:
    """One group."""
    with reading() as session:
        return _shown(tag_edits.group_of(session, caller().company_id, group_id))


@bp.put("/tag-groups/<int:group_id>")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(GroupIn)
@bp.output(GroupOut)
def change_group(group_id: int, json_data: GroupIn) -> dict[str, Any]:
    """Gives a group all these values; what is left out gets its default."""
    return _save(group_id, json_data)


@bp.delete("/tag-groups/<int:group_id>")
@bp.auth_required(auth, roles=MANAGERS)
@bp.output({}, status_code=204)
def delete_group(group_id: int) -> str:
    """Takes a group and its tags out of the library; their history stays."""
    with writing() as session:
        tag_edits.remove_group(session, caller().company_id, group_id, caller().actor)
        touch.want_library(session, caller().company_id)
    compute_soon()
    return ""


def _save(group_id: int | None, given: GroupIn) -> dict[str, Any]:
    who = caller()
    values = given.model_dump(exclude={"family"})
    values["family"] = stored(given.family) if given.family else None
    with writing() as session:
        row = tag_edits.save_group(session, who.company_id, group_id, values, who.actor)
        touch.want_library(session, who.company_id)
        shown = _shown(row)
    compute_soon()
    return shown


def _shown(row: TagGroup) -> dict[str, Any]:
    return {name: getattr(row, name) for name in GroupOut.model_fields}
