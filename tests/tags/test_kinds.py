"""Each kind: what it counts, what it does not, where its bounds lie, and what it says to people."""

import shutil
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from tests.tags.world import CORP, DAY, MINI, NOON, OFFICIAL, World, numbers, world
from wxtag.database import writing
from wxtag.tags.compiled import compile_rule
from wxtag.tags.engine import compute
from wxtag.tags.kind import Moment
from wxtag.tags.kinds import BY_NAME, KINDS
from wxtag.tags.rules import read

HOUR = 3_600_000


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Any, sqlite_template: Any) -> str:
    """What a kind means is decided in DuckDB: one database is enough here."""
    shutil.copy(sqlite_template, tmp_path / "wxtag.sqlite")
    return f"sqlite:///{tmp_path / 'wxtag.sqlite'}"


@pytest.fixture
def here(company: Any) -> World:
    return world(company)


def asked(
    here: World, customer_id: int, rule: dict[str, Any], moment: int = NOON
) -> tuple[int | None, str] | None:
    """The (value, why) that a rule gives this customer, or nothing."""
    with writing() as session:
        name = f"标签{next(numbers)}"
        here.tag(session, here.group(session, f"组{name}"), name, rule)
        compute(session, here.company_id, [customer_id], moment)
    return here.shown(customer_id).get(name)


def test_names_are_the_files_names() -> None:
    for kind in KINDS:
        module = import_module(f"wxtag.tags.kinds.{kind.name}")
        assert module.KIND is kind
        assert module.__doc__
        for params in (kind.params, kind.family.params if kind.family else None):
            assert params is None or params.model_fields["kind"].annotation.__args__ == (kind.name,)


def activity(**window: Any) -> dict[str, Any]:
    return {"kind": "activity", "windows": [window]}


def test_activity_counts_interactions_of_local_days(here: World) -> None:
    """近7天: from the first millisecond of the sixth day before today, up to the moment, and not after."""
    midnight = NOON - 12 * HOUR  # in Shanghai
    with writing() as session:
        lin = here.customer(session)
        openid = here.identity(session, lin)
        for at in (midnight - 6 * DAY - 1, midnight - 6 * DAY, NOON, NOON + 1):
            here.event(session, openid, "messaged", at)
        for kind in ("located", "unfollowed", "half_added", "deleted_staff", "reported_device"):
            here.event(session, openid, kind, NOON)
    assert asked(here, lin, activity(days=7, at_least=1)) == (2, "近7天互动 2 次（≥ 1）")
    assert asked(here, lin, activity(days=8, at_least=1)) == (3, "近8天互动 3 次（≥ 1）")
    assert asked(here, lin, activity(days=1, at_least=1)) == (1, "近1天互动 1 次（≥ 1）")
    assert asked(here, lin, activity(at_least=1)) == (3, "累计互动 3 次（≥ 1）")
    assert asked(here, lin, activity(at_least=1), NOON + 1) == (4, "累计互动 4 次（≥ 1）")


@pytest.mark.parametrize(
    ("bound", "why"),
    [
        ({"at_least": 3}, "累计互动 3 次（≥ 3）"),
        ({"at_least": 4}, None),
        ({"at_most": 3}, "累计互动 3 次（≤ 3）"),
        ({"at_most": 2}, None),
        ({"at_least": 2, "at_most": 3}, "累计互动 3 次（2～3）"),
        ({"at_least": 3, "at_most": 3}, "累计互动 3 次（3～3）"),
        ({"at_least": 4, "at_most": 9}, None),
    ],
)
def test_bounds_include_their_ends(here: World, bound: dict[str, int], why: str | None) -> None:
    with writing() as session:
        lin = here.customer(session)
        openid = here.identity(session, lin)
        for n in range(3):
            here.event(session, openid, at=NOON - n)
    assert asked(here, lin, activity(**bound)) == ((3, why) if why else None)


def test_who_did_nothing_has_done_it_zero_times(here: World) -> None:
    with writing() as session:
        wang = here.customer(session)
    assert asked(here, wang, activity(days=30, at_most=0)) == (0, "近30天互动 0 次（≤ 0）")
    assert asked(here, wang, activity(days=30, at_least=0)) == (0, "近30天互动 0 次（≥ 0）")
    assert asked(here, wang, activity(days=30, at_least=1)) is None


def test_activity_of_several_windows(here: World) -> None:
    with writing() as session:
        lin = here.customer(session)
        one, other = here.identity(session, lin), here.identity(session, lin, "openid", MINI)
        here.event(session, one, at=NOON - 20 * DAY)
        here.event(session, other, "launched", NOON - 20 * DAY, "mini_program")
    windows = [{"days": 7, "at_least": 1}, {"days": 30, "at_least": 2}]
    both = {"kind": "activity", "windows": windows}
    assert asked(here, lin, both) == (None, "近30天互动 2 次（≥ 2）")
    assert asked(here, lin, {**both, "match": "all"}) is None


def test_location_is_where_the_latest_known_place_is(here: World) -> None:
    with writing() as session:
        lin = here.customer(session)
        fan, mini = here.identity(session, lin), here.identity(session, lin, "openid", MINI)
        here.event(session, fan, "located", NOON - 2 * DAY, place="310000")
        here.event(session, mini, "sent_location", NOON - DAY, "mini_program", place="330100")
        here.event(session, fan, "located", NOON, place=None)  # abroad: nobody knows where
        here.event(session, fan, "messaged", NOON, place="440100")  # not a report of a place
        here.event(session, fan, "located", NOON + 1, place="110000")  # not yet
    assert asked(here, lin, {"kind": "location", "regions": ["华东"]}) == (
        None,
        "最近上报的位置：浙江·杭州（华东）",
    )
    assert asked(here, lin, {"kind": "location", "regions": ["浙江", "330200"]}) is not None
    assert asked(here, lin, {"kind": "location", "regions": [330100]}) is not None
    assert asked(here, lin, {"kind": "location", "regions": ["上海", "宁波", "北京"]}) is None


def test_of_two_places_in_one_instant_the_later_to_arrive_counts(here: World) -> None:
    with writing() as session:
        lin = here.customer(session)
        openid = here.identity(session, lin)
        here.event(session, openid, "located", NOON, place="330100")
        here.event(session, openid, "located", NOON, place="310000")
    assert asked(here, lin, {"kind": "location", "regions": ["上海"]}) is not None


def test_an_unknown_place_is_in_no_region(here: World) -> None:
    with writing() as session:
        wang = here.customer(session)
        here.event(session, here.identity(session, wang), "located", NOON, place=None)
    everywhere = {
        "kind": "location",
        "regions": ["华东", "华南", "华北", "华中", "西南", "西北", "东北", "港澳台"],
    }
    assert asked(here, wang, everywhere) is None
    assert asked(here, wang, {"not": everywhere}) is not None


@pytest.mark.parametrize("source", ["profile", "last_ip"])
def test_sources_that_are_not_there_yet_are_refused(source: str) -> None:
    with pytest.raises(ValidationError, match="not there yet"):
        BY_NAME["location"].params.model_validate(  # type: ignore[union-attr]
            {"kind": "location", "regions": ["浙江"], "sources": [source]}
        )


def test_connectable_by_ways(here: World) -> None:
    with writing() as session:
        lin = here.customer(session)
        here.identity(session, lin, "openid", OFFICIAL, active=False)
        here.identity(session, lin, "openid", MINI)
        here.identity(session, lin, "openid", "wx9999999999999999")  # an account that is not bound
        here.identity(session, lin, "phone", "", verified=False)
        here.identity(session, lin, "unionid", "op")

    def ways(*names: str, **more: Any) -> tuple[int | None, str] | None:
        return asked(here, lin, {"kind": "connectable", "identities": list(names), **more})

    assert ways("official_account") == (None, "已连接公众号")
    assert ways("official_account", reachable_now=True) is None
    assert ways("mini_program", "official_account", reachable_now=True) == (None, "当前可通过小程序触达")
    assert ways("mini_program", "unionid", match="all") == (None, "已连接小程序；已连接微信开放平台")
    assert ways("mini_program", "external_userid", match="all") is None
    assert ways("external_userid") is None
    assert ways("phone") is None
    with writing() as session:
        here.identity(session, lin, "phone", "", verified=True)
        here.identity(session, lin, "external_userid", CORP)
    assert ways("phone", "external_userid", match="all") == (None, "已连接已验证手机号；已连接企业微信")


def test_channel_makes_a_tag_for_each_channel_with_its_count(here: World) -> None:
    with writing() as session:
        lin = here.customer(session)
        fan = here.identity(session, lin)
        contact = here.identity(session, lin, "external_userid", CORP)
        here.channel(session, "杭州门店", "store-017", "poster-042")
        here.channel(session, "展会", "expo")
        here.group(session, "接触渠道", family={"kind": "channel"})
        here.event(session, fan, "followed", channel="store-017")
        here.event(session, fan, "scanned", channel="store-017")
        here.event(session, contact, "half_added", account="wecom", channel="poster-042")
        here.event(session, contact, "added", account="wecom", channel="poster-042")
        here.event(session, fan, "scanned", channel="nobody knows")
        here.event(session, fan, "scanned", channel="STORE-017")
        compute(session, here.company_id, [lin], NOON)
    assert here.shown(lin) == {"杭州门店": (3, "通过杭州门店接触 3 次")}


def test_location_as_a_family_names_tags_after_cities(here: World) -> None:
    with writing() as session:
        here.group(session, "地区", family={"kind": "location"})
        people = [here.customer(session) for _ in range(3)]
        for customer_id, place in zip(people, ("330100", "310000", "710000"), strict=True):
            here.event(session, here.identity(session, customer_id), "located", place=place)
        compute(session, here.company_id, people, NOON)
    assert [list(here.shown(one)) for one in people] == [["浙江·杭州"], ["上海"], ["台湾"]]
    assert here.shown(people[0]) == {"浙江·杭州": (None, "最近上报的位置：浙江·杭州")}


@pytest.mark.parametrize(
    "params",
    [
        {"kind": "activity", "windows": []},
        {"kind": "activity", "windows": [{"days": 0, "at_least": 1}]},
        {"kind": "activity", "windows": [{"days": 7}]},
        {"kind": "activity", "windows": [{"days": 7, "at_least": 5, "at_most": 4}]},
        {"kind": "activity", "windows": [{"days": 7, "at_least": True}]},
        {"kind": "activity", "windows": [{"days": "7", "at_least": 1}]},
        {"kind": "activity", "windows": [{"days": 7, "at_least": 1}], "match": "some"},
        {"kind": "connectable", "identities": ["email"]},
        {"kind": "connectable", "identities": []},
        {"kind": "location", "regions": ["火星"]},
        {"kind": "location", "regions": []},
        {"kind": "location", "regions": ["浙江"], "extra": 1},
    ],
)
def test_parameters_are_strict(params: dict[str, Any]) -> None:
    model = BY_NAME[params["kind"]].params
    assert model is not None
    with pytest.raises(ValidationError):
        model.model_validate(params)


def test_a_person_chooses_values_and_never_sql() -> None:
    """What a rule holds is bound, so a quote in it is a character like any other."""

    rule = read({"all": [{"kind": "location", "regions": ["浙江"]}, activity(days=7, at_least=1)]}, "test")
    compiled = compile_rule(rule, Moment(NOON, ZoneInfo("Asia/Shanghai")))
    assert "330100" not in compiled.sql
    assert "330100" in compiled.values["m0_codes"]
