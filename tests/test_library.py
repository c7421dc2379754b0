"""The library file: loading, dumping, and every fault with its line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from wxtag import library
from wxtag.database import reading, writing
from wxtag.errors import InputError
from wxtag.library_faults import checked
from wxtag.models import Channel, ChannelValue, Company, RuleVersion, Tag, TagGroup

ROOT = Path(__file__).parent.parent
STARTER = (ROOT / "config" / "starter_library.yaml").read_text(encoding="utf-8")
SMALL = """\
version: 1
channels:
  - name: 杭州门店
    values: [poster-042, store-017]
groups:
  - path: 地区
    family: {kind: location}
  - path: 行为/活跃
    push: off
    tags:
      - name: 近7天活跃
        rule: {kind: activity, windows: [{days: 7, at_least: 10}]}
      - name: 高意向
"""


def load(company: Company, text: str) -> library.LoadReport:
    with writing() as session:
        return library.load(session, session.get_one(Company, company.id), text, "test")


def dump(company: Company) -> str:
    with reading() as session:
        return library.dump(session, session.get_one(Company, company.id))


def counts(report: library.LoadReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.retired, report.unchanged


def faults(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        checked(text)
    return caught.value.faults


def living(company: Company) -> dict[str, list[str]]:
    with reading() as session:
        rows = session.execute(
            select(TagGroup.path, Tag.name)
            .join(Tag, Tag.group_id == TagGroup.id)
            .where(TagGroup.company_id == company.id, Tag.retired_at.is_(None))
            .order_by(Tag.id)
        )
        found: dict[str, list[str]] = {}
        for path, name in rows:
            found.setdefault(path, []).append(name)
    return found


def versions(company: Company) -> list[tuple[int | None, int | None, int]]:
    with reading() as session:
        rows = session.scalars(
            select(RuleVersion).where(RuleVersion.company_id == company.id).order_by(RuleVersion.id)
        )
        return [(row.tag_id, row.group_id, row.version) for row in rows]


def test_loading_twice_changes_nothing(app: Any, company: Company) -> None:
    assert counts(load(company, SMALL)) == (5, 0, 0, 0)
    before = (living(company), versions(company))
    assert counts(load(company, SMALL)) == (0, 0, 0, 5)
    assert (living(company), versions(company)) == before
    assert before[0] == {"行为/活跃": ["近7天活跃", "高意向"]}


@pytest.mark.parametrize("text", [SMALL, STARTER], ids=["small", "starter"])
def test_a_dump_loads_without_a_change_and_dumps_the_same(app: Any, company: Company, text: str) -> None:
    load(company, text)
    dumped = dump(company)
    again = load(company, dumped)
    assert (again.added, again.changed, again.retired) == (0, 0, 0)
    assert dump(company) == dumped


def test_json_is_taken_too(app: Any, company: Company) -> None:
    load(company, SMALL)
    data = {
        "version": 1,
        "channels": [{"name": "杭州门店", "values": ["poster-042", "store-017"]}],
        "groups": [
            {"path": "地区", "family": {"kind": "location"}},
            {
                "path": "行为/活跃",
                "push": "off",
                "tags": [
                    {
                        "name": "近7天活跃",
                        "rule": {"kind": "activity", "windows": [{"days": 7, "at_least": 10}]},
                    },
                    {"name": "高意向"},
                ],
            },
        ],
    }
    for text in (json.dumps(data), json.dumps(data, indent="\t", ensure_ascii=False)):
        assert counts(load(company, text)) == (0, 0, 0, 5)
    with_emoji = json.dumps({"version": 1, "groups": [{"path": "😀", "tags": [{"name": "a"}]}]})
    assert "\\ud83d" in with_emoji
    assert checked(with_emoji)[0].groups[0].path == "😀"


def test_what_left_the_file_is_retired_and_comes_back_as_itself(app: Any, company: Company) -> None:
    load(company, SMALL)
    with reading() as session:
        before = session.scalars(select(Tag.id).where(Tag.name == "近7天活跃")).one()
    without = SMALL.replace("      - name: 近7天活跃\n        rule: {kind: activity, ", "#")
    assert counts(load(company, without)) == (0, 0, 1, 4)
    assert living(company) == {"行为/活跃": ["高意向"]}
    assert counts(load(company, SMALL)) == (1, 0, 0, 4)
    with reading() as session:
        assert session.scalars(select(Tag.id).where(Tag.name == "近7天活跃")).one() == before
    assert len(versions(company)) == 2
    only = "version: 1\ngroups:\n- {path: 新, tags: [{name: 一}]}\n"
    report = load(company, only)
    assert (report.added, report.retired) == (2, 5)  # two groups, two tags, one channel
    assert living(company) == {"新": ["一"]}
    with reading() as session:
        assert session.scalars(select(Channel)).all() == []
        assert session.scalars(select(ChannelValue)).all() == []
        assert session.scalars(select(TagGroup.family).where(TagGroup.path == "地区")).one() is None


def test_a_rule_gets_a_new_version_only_when_it_changed(app: Any, company: Company) -> None:
    load(company, SMALL)
    first = versions(company)
    load(company, SMALL.replace("push: off", "push: on").replace("name: 高意向", "{name: 高意向, order: 3}"))
    assert versions(company) == first
    spelt = SMALL.replace("{days: 7, at_least: 10}", "{at_least: 10, days: 7}")
    assert load(company, spelt.replace("push: off", "push: on")).changed == 1
    assert versions(company) == first
    assert counts(load(company, SMALL.replace("at_least: 10", "at_least: 11"))) == (0, 2, 0, 3)
    assert [version for tag, _, version in versions(company) if tag] == [1, 2]
    gone = re.sub(r"        rule: .*\n", "", SMALL)
    load(company, gone)
    with reading() as session:
        newest = session.scalars(select(RuleVersion).order_by(RuleVersion.id.desc()).limit(1)).one()
        assert (newest.version, newest.tree) == (3, None)


def test_a_channel_value_moves(app: Any, company: Company) -> None:
    load(company, SMALL)
    moved = SMALL.replace("values: [poster-042, store-017]", "values: [store-017, 1001]").replace(
        "channels:\n", "channels:\n  - name: 展会\n    values: [poster-042]\n"
    )
    assert counts(load(company, moved)) == (1, 1, 0, 4)
    with reading() as session:
        rows = session.execute(
            select(ChannelValue.value, Channel.name).join(Channel, Channel.id == ChannelValue.channel_id)
        ).all()
    assert {(value, name) for value, name in rows} == {
        ("poster-042", "展会"),
        ("store-017", "杭州门店"),
        ("1001", "杭州门店"),
    }


def test_another_family_retires_the_tags_of_the_former_one(app: Any, company: Company) -> None:
    load(company, SMALL)
    with writing() as session:
        group = session.scalars(select(TagGroup).where(TagGroup.path == "地区")).one()
        session.add(Tag(company_id=company.id, group_id=group.id, name="上海", family_key="310000"))
    assert load(company, SMALL).retired == 0
    assert living(company)["地区"] == ["上海"]
    assert counts(load(company, SMALL.replace("kind: location", "kind: channel"))) == (0, 1, 1, 4)
    assert "地区" not in living(company)


def test_an_invalid_file_changes_nothing(app: Any, company: Company) -> None:
    load(company, SMALL)
    before = dump(company)
    with pytest.raises(InputError):
        load(company, SMALL.replace("高意向", "a/b").replace("at_least: 10", "at_least: 1"))
    assert dump(company) == before


BROKEN = """\
version: 1
colour: red
channels:
  - name: 门店
    values: [a, b, 12]
  - name: 门店
    values: [a]
groups:
  - path: 地区/一/二
    push: yes
    family: {kind: activity}
  - path: 活跃
    tags:
      - name: a/b
        rule: {kind: locaton}
      - name: 一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一
        rule:
          all:
            - kind: location
              regions: [杭洲, 浙江]
              sources: [profile]
            - kind: activity
              windows: [{days: seven, at_least: 5}, {days: 7}]
              wndows: []
      - name: 2024
        name: 2025
      - name: 活跃
        rule: {al: []}
      - name: 活跃
        rule: 5
      - description: 没有名称
        rule: {kind: channel}
  - path: 空
  - path: 活跃
    tags: [{name: x, order: -1, colour: red, description: [1]}]
    cap: 0
    family: {kind: location, regions: [浙江]}
  - path: 一级/一二三四五六七八九十一二三四五六七八九十一二三四五六七八
    tags: [{name: " y"}]
"""
EXPECTED = [
    (2, "colour: unknown field 'colour'"),
    (6, "channels[1].name: duplicate channel '门店' (first in line 4, channels[0].name)"),
    (7, "channels[1].values[0]: duplicate channel value 'a' (first in line 5"),
    (9, "groups[0].path: a path has one level or two"),
    (10, "groups[0].push: expected 'on' or 'off', found 'yes'"),
    (11, "groups[0].family: the kind 'activity' is for rules, not families"),
    (14, "groups[1].tags[0].name: a name cannot have / in it"),
    (15, "groups[1].tags[0].rule: unknown kind 'locaton' (did you mean location?)"),
    (16, "groups[1].tags[1].name: 31 characters: at most 30"),
    (20, "groups[1].tags[1].rule.all[0].regions[0]: unknown region '杭洲' (did you mean 杭州?)"),
    (21, "groups[1].tags[1].rule.all[0].sources[0]: the source profile is not there yet"),
    (23, "groups[1].tags[1].rule.all[1].windows[0].days: expected a whole number, found 'seven'"),
    (23, "groups[1].tags[1].rule.all[1].windows[1]: neither at_least nor at_most"),
    (24, "groups[1].tags[1].rule.all[1].wndows: unknown field 'wndows' (did you mean windows?)"),
    (25, "groups[1].tags[2].name: expected text (put it in quotes), found 2024"),
    (26, "groups[1].tags[2]: duplicate field 'name' (first in line 25)"),
    (28, "groups[1].tags[3].rule: expected all, any, not, or a condition with its kind"),
    (29, "groups[1].tags[4].name: duplicate tag '活跃' (first in line 27"),
    (30, "groups[1].tags[4].rule: expected all, any, not, or a condition with its kind, found 5"),
    (31, "groups[1].tags[5]: name is missing"),
    (32, "groups[1].tags[5].rule: the kind 'channel' is for families, not rules"),
    (33, "groups[2]: a group needs tags, or a family"),
    (34, "groups[3].path: duplicate group '活跃' (first in line 12"),
    (35, "groups[3].tags: a group has either tags or a family"),
    (35, "groups[3].tags[0].order: expected at least 0, found -1"),
    (35, "groups[3].tags[0].colour: expected a colour like #07C160, found 'red'"),
    (35, "groups[3].tags[0].description: expected text, found a list"),
    (36, "groups[3].cap: expected at least 1, found 0"),
    (37, "groups[3].family.regions: unknown field 'regions'"),
    (38, "groups[4].path: 31 characters"),
    (39, "groups[4].tags[0].name: a name cannot begin or end with a blank"),
]


def test_every_fault_is_named_with_its_line() -> None:
    found = faults(BROKEN)
    assert len(found) == len(EXPECTED)
    for fault, (line, text) in zip(found, EXPECTED, strict=True):
        assert re.match(rf"line {line}, column \d+: {re.escape(text)}", fault), (fault, line, text)


def test_columns_point_at_the_value() -> None:
    (fault,) = faults("version: 1\ngroups:\n- path: a\n  tags:\n  - {name: x, order: many}\n")
    assert fault.startswith("line 5, column 22: groups[0].tags[0].order:")


ONE = "version: 1\ngroups: [{path: a, tags: [{name: b}]}]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1, column 1: the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("hello", "expected fields, found 'hello'"),
        ("[1, 2]", "expected fields, found a list"),
        ("version: 2\ngroups: []", "line 1, column 10: version: expected 1, found 2"),
        ("version: 1", "groups is missing"),
        ("version: 1\ngroups:\n  - path: a\n   tags: x", "line 4"),
        ("version: 1\ngroups: [", "not YAML or JSON"),
        ('{"version": 1, "groups": [}', "not YAML or JSON"),
        (ONE + "---\n" + ONE, "expected a single document"),
        (ONE + "other: !!python/object/apply:os.system [id]", "unknown field 'other'"),
        (ONE.replace("b", "!!binary aGk="), "!!binary is not taken here|binary is not taken"),
        (ONE.replace("{name: b}", "{<<: {name: b}}"), "unknown field '<<'"),
        (ONE.replace("{name: b}", "{[1]: b}"), "a field's name must be text"),
        ("version: 1\ngroups: null", "groups: expected a list, found nothing"),
        (ONE.replace("path: a", 'path: "a\\nb"'), "line breaks or control"),
        (ONE.replace("path: a", 'path: "\\ud800"'), "lone surrogate"),
        (ONE.replace("path: a", "path: /a"), "empty level"),
        (ONE.replace("path: a", "path: ''"), "this text is empty"),
        ("version: 1\ngroups: []\nx: \x01", "a character that text cannot have"),
        (ONE.replace("path: a", "path: a, order: 99999999999"), "expected at most 4294967295"),
        (ONE.replace("path: a", "path: a, order: " + "9" * 5000), "order"),
    ],
)
def test_files_that_are_no_library(text: str, expected: str) -> None:
    found = "\n".join(faults(text))
    assert re.search(expected.replace("(", r"\("), found), found


def test_bombs_are_refused() -> None:
    doubling = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
    )
    assert "more than" in faults(doubling)[0]
    assert "nested deeper" in faults("version: 1\ngroups: " + "[" * 60 + "]" * 60)[0]
    assert "nested deeper" in faults("[" * 100_000)[0]
    assert "nested deeper" in faults("a: &a [*a]")[0]
    with pytest.raises(InputError, match="at most 1048576"):
        checked("#" * (1024 * 1024 + 1))
    deep = "{kind: connectable, identities: [phone]}"
    for _ in range(7):
        deep = "{not: " + deep + "}"
    assert "levels deep: at most 6" in faults(ONE.replace("name: b", f"name: b, rule: {deep}"))[0]
    many = ", ".join(["{kind: connectable, identities: [phone]}"] * 51)
    wide = faults(ONE.replace("name: b", f"name: b, rule: {{any: [{many}]}}"))
    assert "51 conditions: at most 50" in wide[0]


def test_anchors_may_save_typing() -> None:
    text = (
        "version: 1\ngroups:\n- path: a\n  tags:\n"
        "  - {name: x, rule: &r {kind: connectable, identities: [phone]}}\n  - {name: y, rule: *r}\n"
    )
    tags = checked(text)[0].groups[0].tags
    assert tags[0].rule == tags[1].rule


def test_scalars_are_what_they_look_like() -> None:
    text = "version: 1\nchannels:\n- name: on\n  values: [12:30, 0123, 2026-01-01, yes, 42]\ngroups: []"
    channel = checked(text)[0].channels[0]
    assert (channel.name, channel.values) == ("on", ["12:30", "0123", "2026-01-01", "yes", "42"])


def test_warnings_for_what_does_not_show_well(app: Any, company: Company) -> None:
    text = "version: 1\ngroups:\n- path: 一二三四五六七八九十一二三四五六\n  tags:\n"
    text += "".join(f"  - name: t{n}\n" for n in range(101)) + "".join(
        f"- {{path: g{n}, tags: [{{name: x}}]}}\n" for n in range(100)
    )
    report = load(company, text)
    assert report.added == 101 + 101 + 100
    assert len(report.warnings) == 3
    assert "101 groups" in report.warnings[0]
    assert report.warnings[1].startswith("line 3: groups[0].path: 16 characters")
    assert "101 tags" in report.warnings[2]


def test_the_starter_library_has_what_the_story_needs(app: Any, company: Company) -> None:
    report = load(company, STARTER)
    assert report.warnings == []
    tags = living(company)
    assert "近7天活跃" in tags["互动积极性"] and "全渠道" in tags["可连接程度"]
    with reading() as session:
        groups = {group.path: group for group in session.scalars(select(TagGroup))}
        assert groups["地区"].family == {"kind": "location", "sources": ["reported"]}
        assert groups["接触渠道"].family == {"kind": "channel"}
        assert groups["客户意向"].hand_scope == "relation"
        assert [path for path, group in groups.items() if group.push == "off"] == ["内部关注"]


def test_the_published_schema_is_the_models_own() -> None:
    """Write it anew with: flask --app wsgi library schema > docs/library.schema.json"""
    published = json.loads((ROOT / "docs" / "library.schema.json").read_text(encoding="utf-8"))
    assert published == library.schema()
    text = json.dumps(published, ensure_ascii=False)
    for word in ("location", "connectable", "activity", "channel", '"not"'):
        assert word in text
