"""Every class of error codes, on each platform."""

import re
from datetime import UTC, datetime

import pytest

from wxtag import clock
from wxtag.errors import PlatformError
from wxtag.platforms.codes import TABLES, UnknownTag, advice, meaning, raise_for

CASES = [
    ("wecom", "refresh", (40014, 42001)),
    ("wecom", "wait", (-1, 6000, 45033, 45035, 45009)),
    ("wecom", "give_up", (40068, 40096, 84061, 40003, 60111, 40071, 99999999)),
    (
        "wecom",
        "tell_admin",
        (40001, 40013, 48002, 50003, 60020, 60011, 301002, 81011, 40126),
    ),
    ("wechat", "refresh", (40001, 40014, 42001)),
    ("wechat", "wait", (-1, 45011, 44991, 45009)),
    ("wechat", "give_up", (40003, 46004, 40029, 40163, 40226, 48002, 99999999)),
    ("wechat", "tell_admin", (40013, 40125, 40164, 48001, 40243, 50007, 89503)),
]


@pytest.mark.parametrize(("platform", "action", "codes"), CASES)
def test_each_code_has_its_class(platform: str, action: str, codes: tuple[int, ...]) -> None:
    for code in codes:
        with pytest.raises(PlatformError) as raised:
            raise_for(platform, "an/api", {"errcode": code, "errmsg": "words"})
        error = raised.value
        assert (error.code, error.action, error.api) == (code, action, "an/api")
        assert error.permanent == (action in ("give_up", "tell_admin"))
        assert (error.wait > 0) == (action == "wait")
        assert "words" in error.text and str(code) in str(error)


def test_success_raises_nothing() -> None:
    for answer in ({}, {"errcode": 0}, {"errcode": "0"}, {"errcode": None}):
        raise_for("wecom", "an/api", answer)


@pytest.mark.parametrize("platform", ["wecom", "wechat"])
def test_every_code_has_a_chinese_sentence(platform: str) -> None:
    for code in [None, 123456, *TABLES[platform]]:
        assert re.search("[\u4e00-\u9fff]{2}", advice(platform, code)), code


def test_every_sentence_for_the_admin_says_what_to_do() -> None:
    for platform, table in TABLES.items():
        for code, found in table.items():
            if found.action == "tell_admin":
                assert "请" in found.advice or "后才能" in found.advice, (platform, code)


def test_waits() -> None:
    assert meaning("wecom", 45009).wait == 60
    assert meaning("wecom", 45033).wait < 10
    assert meaning("wechat", 45011).wait == 60


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-03-01T15:00:00", 1), ("2026-03-01T16:00:00", 24), ("2026-03-02T04:00:00", 12)],
)
def test_a_used_up_day_ends_at_midnight_in_china(
    now: str, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = int(datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp() * 1000)
    monkeypatch.setattr(clock, "now", lambda: moment)
    with pytest.raises(PlatformError) as raised:
        raise_for("wechat", "user/info", {"errcode": 45009, "errmsg": "reach max api daily quota limit"})
    assert 0 <= raised.value.wait - hours * 3600 <= 120


@pytest.mark.parametrize(
    ("errmsg", "tag_id"),
    [
        ("invalid tagid: etDEMO_1-x, hint: [1735700000], from ip: 203.0.113.9", "etDEMO_1-x"),
        ("invalid tagid:etDEMO2", "etDEMO2"),
        ("invalid tagid", ""),
        ("", ""),
    ],
)
def test_40068_names_the_tag(errmsg: str, tag_id: str) -> None:
    with pytest.raises(UnknownTag) as raised:
        raise_for("wecom", "externalcontact/mark_tag", {"errcode": 40068, "errmsg": errmsg})
    assert raised.value.tag_id == tag_id
    assert (raised.value.code, raised.value.action) == (40068, "give_up")
