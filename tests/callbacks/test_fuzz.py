"""No input whatever makes a door answer 5xx, and only what is verified and readable is kept."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from hypothesis import given, settings
from hypothesis import strategies as st

from config import Settings
from tests.callbacks.conftest import DOWN, doors_of, kept
from tests.callbacks.playing import (
    CORP,
    MP_PLAIN,
    NOW,
    OA,
    OA_PLAIN,
    corp_event,
    encrypt,
    fan_event,
    query,
    wrapped,
)
from tests.conftest import SECRET_KEY
from wxtag import clock

FUZZ = settings(max_examples=150, deadline=None, derandomize=True)
GOOD = encrypt(corp_event(), CORP)
PIECES = [
    *(b"<xml>", b"</xml>", b"<Encrypt>", b"</Encrypt>", b"<MsgType>", b"</MsgType>", b"<![CDATA[", b"]]>"),
    *(
        b"<!DOCTYPE a [",
        b"<!ENTITY a 'b'>",
        b"]>",
        b"&a;",
        b"&#0;",
        b"&#x41;",
        b"<?xml version='1.0'?>",
        b"<!--",
        b"-->",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"MsgType"',
        b'"Encrypt"',
        b":",
        b",",
        b'"text"',
        b"null",
        b"1e999",
        b"\\u0000",
        b'"\\ud800"',
    ),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", "文".encode(), "文".encode("gbk"), GOOD.encode()),
]
bodies = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Something right with a few bytes changed, cut or put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        end = place + draw(st.integers(0, 30))
        data[place:end] = draw(st.binary(max_size=5) | st.sampled_from(PIECES))
    return bytes(data)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[APIFlask]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "now", lambda: NOW * 1000)
        yield doors_of(
            Settings(database_url=DOWN, redis_url="unix:///nowhere", secret_key=SECRET_KEY, data_dir=folder)
        )


def status(app: APIFlask, path: str, asked: dict[str, str], body: bytes) -> int:
    return app.test_client().post(f"/callbacks/{path}", query_string=asked, data=body).status_code


@FUZZ
@given(body=bodies, nonce=st.text(max_size=10))
def test_plain_bodies(app: APIFlask, body: bytes, nonce: str) -> None:
    for path in (f"official-account/{OA_PLAIN}", f"mini-program/{MP_PLAIN}"):
        answered = status(app, path, query(nonce=nonce), body)
        assert answered in (200, 400, 403)
        assert len(kept(app)) == (answered == 200 and b"CheckContainerPath" not in body)


@FUZZ
@given(inner=bodies | damaged(corp_event()), random=st.binary(min_size=16, max_size=16))
def test_what_is_inside(app: APIFlask, inner: bytes, random: bytes) -> None:
    sent = encrypt(inner, CORP, random=random)
    answered = status(app, f"wecom/{CORP}", query(sent), wrapped(sent))
    assert answered in (200, 400, 403)
    assert len(kept(app)) == (answered == 200)


@FUZZ
@given(body=damaged(wrapped(GOOD)))
def test_damaged_envelopes(app: APIFlask, body: bytes) -> None:
    answered = status(app, f"wecom/{CORP}", query(GOOD), body)
    assert answered in (200, 400, 403)
    assert len(kept(app)) == (answered == 200)


@FUZZ
@given(body=damaged(fan_event()))
def test_damaged_plain_messages(app: APIFlask, body: bytes) -> None:
    answered = status(app, f"official-account/{OA_PLAIN}", query(nonce=hashlib.sha1(body).hexdigest()), body)
    assert answered in (200, 400)
    assert len(kept(app)) == (answered == 200)


@FUZZ
@given(encrypted=st.text(max_size=60) | st.binary(max_size=96).map(lambda raw: raw.hex()))
def test_signed_ciphertexts(app: APIFlask, encrypted: str) -> None:
    body = json.dumps({"ToUserName": CORP, "Encrypt": encrypted}).encode()
    assert status(app, f"wecom/{CORP}", query(encrypted), body) in (400, 403)
    assert kept(app) == []


@FUZZ
@given(
    asked=st.dictionaries(
        st.sampled_from(["signature", "msg_signature", "timestamp", "nonce", "echostr", "x"]),
        st.text(max_size=30),
    ),
    path=st.sampled_from(
        [f"official-account/{OA}", f"wecom/{CORP}", f"wecom/{CORP}/1000001", f"mini-program/{MP_PLAIN}"]
    ),
)
def test_strange_queries(app: APIFlask, asked: dict[str, str], path: str) -> None:
    client = app.test_client()
    for answer in (
        client.get(f"/callbacks/{path}", query_string=asked),
        client.post(f"/callbacks/{path}", query_string=asked, data=wrapped(GOOD)),
    ):
        assert answer.status_code in (400, 403)
    assert kept(app) == []


@FUZZ
@given(raw=st.binary(max_size=40))
def test_strange_raw_queries_and_paths(app: APIFlask, raw: bytes) -> None:
    client = app.test_client()
    text = raw.decode("latin-1")
    environ = {"QUERY_STRING": text}
    assert client.post(f"/callbacks/wecom/{CORP}", data=b"x", environ_overrides=environ).status_code in (
        400,
        403,
    )
    environ = {"PATH_INFO": "/callbacks/wecom/" + text}
    assert client.post("/", data=b"x", environ_overrides=environ).status_code in (
        400,
        403,
        404,
        405,
        308,
        503,
    )
    assert kept(app) == []
