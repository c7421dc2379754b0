"""Whatever stands in a message, a decoder says what it means, or that it cannot be taken: nothing else."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import xmltodict
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.callbacks.playing import account
from wxtag.errors import InputError
from wxtag.events.decoded import Decoded
from wxtag.events.meaning import OURS, decode, name_of, person_of
from wxtag.events.vocabulary import BY_NAME

PAYLOADS = Path(__file__).resolve().parent.parent / "payloads"
ACCOUNTS = {
    kind: account(kind, appid, number, open_platform="open-1")
    for number, (kind, appid) in enumerate(
        [
            ("official_account", "wx5c0ffee5c0ffee01"),
            ("mini_program", "wx5c0ffee5c0ffee02"),
            ("wecom", "ww0demo0000000001"),
        ],
        1,
    )
}
RECEIVED = 1_790_000_400_000
FUZZ = settings(max_examples=400, deadline=None, print_blob=True)
MUCH = settings(max_examples=30_000, deadline=None, print_blob=True)
HUGE = "9" * 400
"""As a number it has no end; as a time it lies behind every year."""
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", " ", "0", "-1", "1e999", "nan", HUGE, "sys", "\x00", "文" * 200, "2026-02-30", "[]"]
    )
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def recorded() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for path in sorted(PAYLOADS.glob("*/*")):
        text = path.read_text()
        read = json.loads(text) if path.suffix == ".json" else xmltodict.parse(text)["xml"]
        found.append((path.parent.name, read))
    return found


RECORDED = recorded()
ANSWERS: dict[tuple[str, str], dict[str, Any]] = {
    ("lookup", "user_info"): {
        "subject": "oLin",
        "answer": {"subscribe": 1, "openid": "oLin", "nickname": "林", "unionid": "u", "tagid_list": [1]},
    },
    ("lookup", "contact"): {
        "subject": "wmLin",
        "answer": {
            "external_contact": {"external_userid": "wmLin", "name": "林", "unionid": "u", "type": 1},
            "follow_user": [
                {
                    "userid": "Zhao",
                    "remark": "x",
                    "state": "s",
                    "createtime": 1_790_000_000,
                    "add_way": 1,
                    "tags": [{"tag_id": "et1", "type": 1, "group_name": "g", "tag_name": "t"}],
                    "remark_mobiles": ["13800138000"],
                }
            ],
        },
    },
    ("mini", "login"): {"openid": "oLin", "unionid": "u", "at": RECEIVED},
    ("mini", "phone"): {"openid": "oLin", "phone": "+8613800138000", "at": RECEIVED},
    ("mini", "events"): {
        "openid": "oLin",
        "events": [
            {"kind": "location", "latitude": 30.2, "longitude": 120.1, "at": RECEIVED},
            {"kind": "page", "path": "p", "channel": "c", "at": RECEIVED},
        ],
    },
    ("oauth", "login"): {"openid": "oLin", "unionid": "u", "nickname": "林", "scope": "snsapi_userinfo"},
}


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in it."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for key, value in pairs:
        found.append((content, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


@st.composite
def damaged(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """A message with a few of its fields changed, taken away, doubled or put in."""
    content = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 4))):
        there = places(content)
        if not there:
            break
        container, key = draw(st.sampled_from(there))
        act = draw(st.sampled_from(["change", "take", "double", "add"]))
        if act == "change":
            container[key] = draw(values)
        elif act == "take":
            del container[key]
        elif act == "double":
            container[key] = [container[key], container[key]]
        elif isinstance(container, dict):
            container[draw(st.text(max_size=5))] = draw(values)
    return content


def check(source: str, event: str, kind: str, content: dict[str, Any]) -> None:
    """Decodes; what comes out can be stored."""
    bound = ACCOUNTS[kind]
    try:
        assert len(name_of(bound, content)) <= 64
        assert isinstance(person_of(content), str)
        decoded = decode(source, event, bound, content, RECEIVED, "gcj02")
    except InputError as error:
        assert str(error)
        return
    assert isinstance(decoded, Decoded)
    for made in decoded.events:
        assert made.kind in BY_NAME
        assert 0 < made.at <= RECEIVED
        json.dumps(made.properties)
    for relation in decoded.relations:
        assert relation.userid and relation.external_userid


def callback(data: st.DataObject) -> None:
    kind, whole = data.draw(st.sampled_from(RECORDED))
    check("callback", "", kind, data.draw(damaged(whole)))


def ours(data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(sorted(set(ANSWERS) & set(OURS)) + sorted(set(OURS) - set(ANSWERS))))
    whole = ANSWERS.get(place, {"subject": "oLin", "openid": "oLin", "answer": {}, "at": RECEIVED})
    check(*place, data.draw(st.sampled_from(sorted(ACCOUNTS))), data.draw(damaged(whole)))


@FUZZ
@given(data=st.data())
def test_damaged_callbacks(data: st.DataObject) -> None:
    callback(data)


@FUZZ
@given(data=st.data())
def test_damaged_answers_and_reports(data: st.DataObject) -> None:
    ours(data)


@FUZZ
@given(
    kind=st.sampled_from(sorted(ACCOUNTS)), content=st.dictionaries(st.text(max_size=12), values, max_size=6)
)
def test_anything_at_all(kind: str, content: dict[str, Any]) -> None:
    check("callback", "", kind, content)
    for source, event in OURS:
        check(source, event, kind, content)


@pytest.mark.long
@MUCH
@given(data=st.data())
def test_damaged_callbacks_for_long(data: st.DataObject) -> None:
    callback(data)


@pytest.mark.long
@MUCH
@given(data=st.data())
def test_damaged_answers_and_reports_for_long(data: st.DataObject) -> None:
    ours(data)
