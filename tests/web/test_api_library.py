"""The library by the API: groups and tags made, changed, retired; rules tried before they are saved."""

import pytest
from sqlalchemy import delete, select

from tests.web.town import RULE
from wxtag import clock, library
from wxtag.database import writing
from wxtag.models import RuleVersion, Tag, Touched, db
from wxtag.tags import engine


def test_a_group_and_a_tag_with_a_rule_are_made_and_take_effect(client, town, admin):
    group = client.api("POST", "/tag-groups", admin, {"path": "互动积极性", "order": 7})
    assert group.status_code == 201 and group.json["push"] == "on"
    tag = client.api(
        "POST", "/tags", admin, {"group_id": group.json["id"], "name": "近7天活跃", "rule": RULE}
    )
    assert tag.status_code == 201, tag.json
    assert tag.json["path"] == ["互动积极性"] and tag.json["rule"]["kind"] == "activity"
    touched = set(db.session.scalars(select(Touched.customer_id)))
    assert touched == {town.lin, town.wang, town.mei}
    with writing() as session:
        engine.compute(session, town.company_id, sorted(touched), clock.now())
    holders = client.api("GET", f"/customers?tag={tag.json['id']}", admin).json["items"]
    assert [one["id"] for one in holders] == [town.lin, town.wang, town.mei]


def test_only_a_changed_rule_makes_a_new_version(client, town, admin):
    with writing() as session:
        session.execute(delete(Touched))
    tag = client.api("GET", f"/tags/{town.hand_id}", admin).json
    body = {"group_id": tag["group_id"], "name": "很高意向", "rule": RULE}
    for _ in range(2):
        changed = client.api("PUT", f"/tags/{town.hand_id}", admin, body)
        assert changed.status_code == 200 and changed.json["name"] == "很高意向"
    versions = list(db.session.scalars(select(RuleVersion).where(RuleVersion.tag_id == town.hand_id)))
    assert len(versions) == 1 and versions[0].actor.startswith("api-key")
    body.pop("rule")
    assert client.api("PUT", f"/tags/{town.hand_id}", admin, body).json["rule"] is None


def test_a_retired_tag_leaves_list_and_customers(client, town, admin):
    with writing() as session:
        session.execute(delete(Touched))
    assert client.api("DELETE", f"/tags/{town.tag_id}", admin).status_code == 204
    assert [one["id"] for one in client.api("GET", "/tags", admin).json["items"]] == [town.hand_id]
    assert client.api("GET", f"/tags/{town.tag_id}", admin).status_code == 404
    assert client.api("DELETE", f"/tags/{town.tag_id}", admin).status_code == 404
    assert set(db.session.scalars(select(Touched.customer_id))) == {town.lin}
    assert client.api("GET", f"/customers/{town.lin}", admin).json["tags"] == []


def test_the_name_of_a_retired_tag_brings_it_back(client, town, admin):
    client.api("DELETE", f"/tags/{town.tag_id}", admin)
    again = client.api("POST", "/tags", admin, {"group_id": town.group_id, "name": "杭州"})
    assert again.json["id"] == town.tag_id


def test_names_and_groups_are_checked(client, town, admin):
    def refused(path, body):
        answer = client.api("POST", path, admin, body)
        return answer.status_code == 422 and answer.json["error"]["message"]

    assert refused("/tags", {"group_id": town.group_id, "name": "杭州"})
    assert "/" in refused("/tags", {"group_id": town.group_id, "name": "浙江/杭州"})
    assert refused("/tags", {"group_id": town.group_id, "name": "长" * 31})
    assert refused("/tag-groups", {"path": "地区/城市"})
    assert refused("/tag-groups", {"path": "一/二/三"})
    assert refused("/tag-groups", {"path": "/"})
    assert refused("/tag-groups", {"path": "新", "family": {"kind": "activity"}})
    family = {"path": "地区/城市", "family": {"kind": "channel"}}
    assert client.api("PUT", f"/tag-groups/{town.group_id}", admin, family).status_code == 422


def test_a_familys_group_makes_its_tags_itself(client, town, admin):
    group = client.api("POST", "/tag-groups", admin, {"path": "渠道", "family": {"kind": "channel"}}).json
    assert group["family"]["kind"] == "channel"
    refused = client.api("POST", "/tags", admin, {"group_id": group["id"], "name": "手工"})
    assert refused.status_code == 422 and "family" in refused.json["error"]["message"]
    assert client.api("DELETE", f"/tag-groups/{group['id']}", admin).status_code == 204
    assert client.api("GET", f"/tag-groups/{group['id']}", admin).status_code == 404


def test_a_deleted_group_takes_its_tags_along_and_comes_back_by_name(client, town, admin):
    with writing() as session:
        session.execute(delete(Touched))
    assert client.api("DELETE", f"/tag-groups/{town.group_id}", admin).status_code == 204
    assert client.api("GET", "/tags", admin).json["items"] == []
    assert client.api("GET", "/tag-groups", admin).json["items"] == []
    assert client.api("GET", f"/tag-groups/{town.group_id}", admin).status_code == 404
    assert set(db.session.scalars(select(Touched.customer_id))) == {town.lin}
    again = client.api("POST", "/tag-groups", admin, {"path": "地区/城市", "push": "off"}).json
    assert (again["id"], again["push"]) == (town.group_id, "off")
    assert [one["id"] for one in client.api("GET", "/tag-groups", admin).json["items"]] == [again["id"]]
    assert client.api("GET", f"/tag-groups/{again['id']}", admin).json == again
    back = client.api("POST", "/tags", admin, {"group_id": again["id"], "name": "杭州"})
    assert back.json["id"] == town.tag_id


def test_a_group_is_there_until_it_is_deleted_itself(client, town, admin):
    for tag_id in (town.tag_id, town.hand_id):
        assert client.api("DELETE", f"/tags/{tag_id}", admin).status_code == 204
    assert [one["id"] for one in client.api("GET", "/tag-groups", admin).json["items"]] == [town.group_id]
    assert client.api("DELETE", f"/tag-groups/{town.group_id}", admin).status_code == 204
    path = f"/tag-groups/{town.group_id}"
    for method, body in (("GET", None), ("PUT", {"path": "地区/城市"}), ("DELETE", None)):
        assert client.api(method, path, admin, body).status_code == 404
    tag = {"group_id": town.group_id, "name": "杭州"}
    assert client.api("POST", "/tags", admin, tag).status_code == 404


def test_a_group_made_without_tags_is_in_the_file_too(client, town, admin, company):
    client.api("POST", "/tag-groups", admin, {"path": "空的"})
    with writing() as session:
        # Twice, because this town's rule was not written down as the library would.
        for _ in range(2):
            report = library.load(session, company, library.dump(session, company), "test")
        assert "空的" in library.dump(session, company)
    assert (report.added, report.changed, report.retired) == (0, 0, 0)


@pytest.mark.parametrize("family", [None, {"kind": "channel"}])
def test_another_family_takes_the_tags_of_the_former_one_along_at_once(client, town, admin, family):
    made = {"path": "城市", "family": {"kind": "location"}}
    group = client.api("POST", "/tag-groups", admin, made).json["id"]
    with writing() as session:
        engine.compute(session, town.company_id, [town.lin], clock.now())
        session.execute(delete(Touched))
    assert client.api("GET", f"/tags?group={group}", admin).json["items"]
    client.api("PUT", f"/tag-groups/{group}", admin, {"path": "城市", "family": family})
    assert client.api("GET", f"/tags?group={group}", admin).json["items"] == []
    assert [one["name"] for one in client.api("GET", f"/customers/{town.lin}", admin).json["tags"]] == [
        "杭州"
    ]
    assert town.lin in set(db.session.scalars(select(Touched.customer_id)))


def test_a_group_may_be_renamed_but_not_onto_another(client, town, admin):
    other = client.api("POST", "/tag-groups", admin, {"path": "别的"}).json["id"]
    assert client.api("PUT", f"/tag-groups/{other}", admin, {"path": "地区/城市"}).status_code == 422
    assert client.api("PUT", f"/tag-groups/{other}", admin, {"path": "新名"}).json["path"] == "新名"


def test_a_family_that_goes_takes_its_tags_along(client, town, admin):
    group = client.api("POST", "/tag-groups", admin, {"path": "城市", "family": {"kind": "location"}}).json
    with writing() as session:
        engine.compute(session, town.company_id, [town.lin], clock.now())
    (made,) = client.api("GET", f"/tags?group={group['id']}", admin).json["items"]
    assert made["family_key"] == "330100"
    assert client.api("DELETE", f"/tags/{made['id']}", admin).status_code == 422
    client.api("PUT", f"/tag-groups/{group['id']}", admin, {"path": "城市"})
    assert client.api("GET", f"/tags/{made['id']}", admin).status_code == 404


def test_a_preview_counts_and_saves_nothing(client, town, admin):
    before = db.session.scalar(select(Tag.id).order_by(Tag.id.desc()))
    answer = client.api("POST", "/tags/preview", admin, {"rule": RULE})
    assert answer.status_code == 200, answer.json
    assert answer.json["matches"] == 3
    assert answer.json["calls"] == 3  # Zhao's and Chen's relation with Lin, Chen's with Wang
    assert {one["id"] for one in answer.json["sample"]} == {town.lin, town.wang, town.mei}
    assert all("互动" in one["text"] for one in answer.json["sample"])
    instead = client.api("POST", "/tags/preview", admin, {"rule": RULE, "tag_id": town.tag_id}).json
    assert (instead["matches"], instead["calls"]) == (3, 1)  # Lin has it already
    nobody = {"rule": {"not": RULE}, "tag_id": town.tag_id}
    assert client.api("POST", "/tags/preview", admin, nobody).json["calls"] == 2  # Lin loses it
    db.session.rollback()
    assert db.session.scalar(select(Tag.id).order_by(Tag.id.desc())) == before
