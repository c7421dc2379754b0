"""A walk over every call of the API with another company's ids: nothing of theirs is seen or changed."""

import pytest
from sqlalchemy import text

from wxtag import verdicts
from wxtag.apikeys import make_key
from wxtag.database import writing
from wxtag.models import Base, Conflict, db

BODIES = {
    ("POST", "/customers/{customer_id}/merge"): {"other": "{wang}"},
    ("POST", "/customers/{customer_id}/split"): {"merge": "{merge}"},
    ("POST", "/conflicts/{conflict_id}"): {"decision": "same"},
    ("POST", "/tags"): {"group_id": "{group}", "name": "新的"},
    ("PUT", "/tags/{tag_id}"): {"group_id": "{group}", "name": "新的"},
    ("POST", "/tag-groups"): {"path": "新的"},
    ("PUT", "/tag-groups/{group_id}"): {"path": "新的"},
    ("POST", "/tags/preview"): {
        "rule": {"kind": "activity", "windows": [{"days": 7, "at_least": 1}]},
        "tag_id": "{tag}",
    },
    ("POST", "/events"): [
        {
            "id": "1",
            "identity": {"kind": "member", "scope": "s", "value": "1"},
            "kind": "viewed",
            "time": "2026-01-05T10:00:00Z",
        }
    ],
}
OURS_MAY_BE_MADE = {("POST", "/tag-groups"), ("POST", "/events")}


def rows_of(company_id):
    """Everything that is theirs, as text."""
    db.session.rollback()
    found = {}
    for table in Base.metadata.sorted_tables:
        if "company_id" in table.c:
            rows = db.session.execute(table.select().where(table.c.company_id == company_id))
            found[table.name] = sorted(str(tuple(row)) for row in rows)
    return found


@pytest.mark.parametrize("role", ["admin", "manager", "staff"])
def test_no_call_reaches_another_company(client, town, other_town, role):
    with writing() as session:
        merged = verdicts.merge(session, other_town.company_id, other_town.mei, other_town.wang, "test")
        merge = session.execute(text("SELECT max(id) FROM merges")).scalar_one()
        row = (
            session.execute(
                text("SELECT id FROM identities WHERE company_id = :c ORDER BY id"),
                {"c": other_town.company_id},
            )
            .scalars()
            .first()
        )
        conflict = Conflict(
            company_id=other_town.company_id,
            kind="phone",
            identity_id=row,
            evidence={"sides": [], "links": []},
            at=1,
        )
        session.add(conflict)
        session.flush()
        conflict_id = conflict.id
        staff = f"{other_town.corpid}/zhaomin" if role == "staff" else None
        key = make_key(session, town.company_id, role, staff)
    names = {
        "customer_id": other_town.lin,
        "tag_id": other_town.tag_id,
        "group_id": other_town.group_id,
        "conflict_id": conflict_id,
    }
    values = {
        "{wang}": merged,
        "{merge}": merge,
        "{group}": other_town.group_id,
        "{tag}": other_town.tag_id,
    }
    before = rows_of(other_town.company_id)
    walked = 0
    document = client.get("/api/openapi.json").json
    for path, operations in document["paths"].items():
        if not path.startswith("/api/v1"):
            continue
        for method in operations:
            call = (method.upper(), path.removeprefix("/api/v1"))
            body = BODIES.get(call)
            if isinstance(body, dict):
                body = {
                    name: values.get(value, value) if isinstance(value, str) else value
                    for name, value in body.items()
                }
            answer = client.api(call[0], call[1].format(**names), key, body)
            walked += 1
            if "{" in path or (body is not None and call not in OURS_MAY_BE_MADE):
                assert answer.status_code in (403, 404), (call, answer.text)
            assert answer.status_code < 500, (call, answer.text)
            for theirs in ("林晓x", "王一x", "城市x", other_town.corpid, other_town.appid, "o-linx"):
                assert theirs not in answer.text, call
    for query in (f"tag={other_town.tag_id}", f"identity=openid:{other_town.appid}:o-linx", "q=林晓x"):
        assert client.api("GET", f"/customers?{query}", key).json["items"] == []
    assert client.api("GET", f"/tags?group={other_town.group_id}", key).json["items"] == []
    theirs_on_ours = f"/customers/{town.lin}/tags/{other_town.tag_id}"
    assert client.api("PUT", theirs_on_ours, key).status_code == 404
    assert walked >= 20
    assert rows_of(other_town.company_id) == before
