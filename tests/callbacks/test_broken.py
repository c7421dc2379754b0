"""Broken and forged callbacks: each gets a 4xx, and nothing of it is kept."""

import base64
import gzip
import io
import json
from dataclasses import dataclass, field

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.callbacks.conftest import kept
from tests.callbacks.playing import (
    CORP,
    MP,
    MP_JSON,
    MP_PLAIN,
    NOW,
    OA,
    OA_COMPATIBLE,
    OA_PLAIN,
    OTHER_KEY,
    corp_event,
    encrypt,
    fan_event,
    query,
    wrapped,
)

pytestmark = pytest.mark.usefixtures("time_stands")
BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    b"<xml><MsgType>&c;</MsgType></xml>"
)
EXTERNAL = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><MsgType>&f;</MsgType></xml>'
PARAMETER = b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]><xml><MsgType>a</MsgType></xml>'
ON_THE_NET = b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/x.dtd"><xml><MsgType>a</MsgType></xml>'
DEEP_XML = b"<xml>" + b"<a>" * 50_000 + b"</a>" * 50_000 + b"</xml>"
DEEP_JSON = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
GBK = '<?xml version="1.0" encoding="gbk"?><xml><MsgType>text</MsgType><Content>你好</Content></xml>'.encode(
    "gbk"
)
UTF16 = '<?xml version="1.0" encoding="utf-16"?><xml><MsgType>text</MsgType></xml>'.encode("utf-16")
LATIN = b'<?xml version="1.0" encoding="iso-8859-1"?><xml><MsgType>text</MsgType></xml>'
UTF7 = b'<?xml version="1.0" encoding="utf-7"?><xml><MsgType>text</MsgType></xml>'
NOT_UTF8 = b"<xml><MsgType>text</MsgType><Content>\xff\xfe</Content></xml>"


@dataclass
class Sent:
    """One callback on its way."""

    path: str
    body: bytes
    query: dict[str, object] | str = field(default_factory=dict)
    status: tuple[int, ...] = (400,)


def corp(message: bytes, status: int = 400, receiveid: str = CORP, **how: object) -> Sent:
    """A rightly signed callback of a corp with this inside."""
    sent = encrypt(message, receiveid, **how)  # type: ignore[arg-type]
    return Sent(f"wecom/{CORP}", wrapped(sent), query(sent), (status,))


def corp_text(encrypted: str, status: int = 400) -> Sent:
    """A rightly signed callback with this as its ciphertext."""
    return Sent(f"wecom/{CORP}", wrapped(encrypted), query(encrypted), (status,))


def corp_body(body: bytes, status: int = 400, **changes: str) -> Sent:
    """This body, with a signature over the usual ciphertext."""
    return Sent(f"wecom/{CORP}", body, {**query(encrypt(corp_event(), CORP)), **changes}, (status,))


def plain(body: bytes, status: int = 400, path: str = f"official-account/{OA_PLAIN}", **changes: str) -> Sent:
    return Sent(path, body, {**query(), **changes}, (status,))


def mini(body: bytes, status: int = 400) -> Sent:
    return plain(body, status, f"mini-program/{MP_PLAIN}")


def safe(message: bytes, appid: str = OA, kind: str = "official-account", status: int = 400) -> Sent:
    sent = encrypt(message, appid)
    return Sent(f"{kind}/{appid}", wrapped(sent, "gh_1"), query(sent), (status,))


GOOD = encrypt(corp_event(), CORP)
GOOD_QUERY = query(GOOD)
TWICE = "&".join(f"{name}={value}" for name, value in [*GOOD_QUERY.items(), ("timestamp", "1")])
SHORT = base64.b64encode(b"x" * 16).decode()

BROKEN = {
    # Not from the platform, or not for us.
    "forged signature": corp_body(wrapped(GOOD), 403, msg_signature="0" * 40),
    "signature of the wrong length": corp_body(wrapped(GOOD), 403, msg_signature="00"),
    "signature that is not ASCII": corp_body(wrapped(GOOD), 403, msg_signature="签名" * 20),
    "signature in capitals": corp_body(wrapped(GOOD), 403, msg_signature=GOOD_QUERY["msg_signature"].upper()),
    "no signature": Sent(f"wecom/{CORP}", wrapped(GOOD), {"timestamp": str(NOW), "nonce": "n0nce"}, (403,)),
    "no query at all": Sent(f"wecom/{CORP}", wrapped(GOOD), {}, (403,)),
    "no nonce": Sent(f"wecom/{CORP}", wrapped(GOOD), {**GOOD_QUERY, "nonce": ""}, (403,)),
    "another timestamp than was signed": corp_body(wrapped(GOOD), 403, timestamp=str(NOW + 1)),
    "a parameter twice": Sent(f"wecom/{CORP}", wrapped(GOOD), TWICE),
    "a parameter too long": corp_body(wrapped(GOOD), 400, nonce="n" * 9000),
    "ciphertext changed after it was signed": corp_body(wrapped(GOOD[:-8] + "AAAAAAA="), 403),
    "signed with another token": Sent(f"wecom/{CORP}", wrapped(GOOD), query(GOOD, token="guess"), (403,)),
    "signed for another app of the corp": Sent(f"wecom/{CORP}/1000002", wrapped(GOOD), GOOD_QUERY, (403,)),
    "for another corp inside": corp(corp_event(), 403, "wwother"),
    "for no corp inside": corp(corp_event(), 403, ""),
    "the corp's name with something after it": corp(corp_event(), 403, CORP + "x"),
    "to another corp outside": Sent(f"wecom/{CORP}", wrapped(GOOD, "wwother"), GOOD_QUERY, (403,)),
    "to another corp inside": corp(corp_event(ToUserName="wwother"), 403),
    "to two corps inside": corp(
        corp_event().replace(b"<MsgType>", b"<ToUserName>x</ToUserName><MsgType>"), 403
    ),
    "to nobody inside": corp(b"<xml><MsgType>event</MsgType></xml>", 403),
    "another Official Account's message": Sent(
        f"official-account/{OA}", wrapped(encrypt(fan_event(), MP)), query(encrypt(fan_event(), MP)), (403,)
    ),
    "another Official Account's address": Sent(f"mini-program/{OA}", fan_event(), query(), (403, 503)),
    "an unknown account": Sent("official-account/wx0000000000000000", fan_event(), query(), (403, 503)),
    "an unknown corp": Sent("wecom/wwnobody", wrapped(GOOD), GOOD_QUERY, (403, 503)),
    "an unknown app of a known corp": Sent(f"wecom/{CORP}/7", wrapped(GOOD), GOOD_QUERY, (403, 503)),
    "an app that is no number": Sent(f"wecom/{CORP}/x", wrapped(GOOD), GOOD_QUERY, (403, 503)),
    "plain to a safe account": plain(fan_event(), 403, f"official-account/{OA}"),
    "plain to a compatible account": plain(fan_event(), 403, f"official-account/{OA_COMPATIBLE}"),
    "plain to a corp": plain(corp_event(), 403, f"wecom/{CORP}"),
    "plain signature in place of msg_signature": Sent(
        f"official-account/{OA}", wrapped(encrypt(fan_event(), OA)), query(), (403,)
    ),
    "plain, forged": plain(fan_event(), 403, signature="0" * 40),
    "plain, unsigned": Sent(f"official-account/{OA_PLAIN}", fan_event(), {}, (403,)),
    "older than we remember": Sent(f"wecom/{CORP}", wrapped(GOOD), query(GOOD, at=NOW - 91 * 86_400), (403,)),
    "timestamp that is no number": Sent(
        f"wecom/{CORP}",
        wrapped(GOOD),
        query(GOOD, at="soon"),
        (400,),  # type: ignore[arg-type]
    ),
    "timestamp below zero": Sent(f"wecom/{CORP}", wrapped(GOOD), query(GOOD, at=-5), (400,)),
    "timestamp without end": Sent(f"wecom/{CORP}", wrapped(GOOD), query(GOOD, at=10**40), (400,)),
    "a query that is not UTF-8": Sent(f"wecom/{CORP}", wrapped(GOOD), "msg_signature=%80", (403,)),
    # Nobody can read the envelope.
    "empty": corp_body(b""),
    "blank": corp_body(b" \n "),
    "plain, empty": plain(b""),
    "cut": corp_body(wrapped(GOOD)[:100]),
    "cut in the ciphertext": corp_body(wrapped(GOOD)[:-40]),
    "two documents": corp_body(wrapped(GOOD) * 2),
    "HTML": corp_body(b"<html><body>502</body></html>"),
    "another root": plain(fan_event().replace(b"xml>", b"msg>")),
    "a form": plain(b"a=1&b=2"),
    "bytes": plain(bytes(range(256))),
    "NUL bytes": plain(b"\x00" * 100),
    "huge": Sent(f"wecom/{CORP}", wrapped("A" * (1024 * 1024)), GOOD_QUERY, (413,)),
    "plain, huge": plain(fan_event(Content="x" * 1024 * 1024), 413),
    "huge JSON": mini(json.dumps({"MsgType": "text", "Content": "x" * 1024 * 1024}).encode(), 413),
    "entity bomb": plain(BOMB),
    "entity bomb in a corp's envelope": corp_body(BOMB),
    "external entity": plain(EXTERNAL),
    "external parameter entity": plain(PARAMETER),
    "external DTD": plain(ON_THE_NET),
    "undeclared entity": plain(b"<xml><MsgType>&nope;</MsgType></xml>"),
    "deep XML": plain(DEEP_XML),
    "deep JSON": mini(DEEP_JSON),
    "GBK": plain(GBK),
    "UTF-16": plain(UTF16),
    "UTF-16 without a mark": plain("<xml><MsgType>text</MsgType></xml>".encode("utf-16-le")),
    "UTF-32": plain("<xml><MsgType>text</MsgType></xml>".encode("utf-32")),
    "Latin-1": plain(LATIN),
    "UTF-7": plain(UTF7),
    "not UTF-8": plain(NOT_UTF8),
    "JSON that is not UTF-8": mini(b'{"MsgType":"\xff"}'),
    "JSON as UTF-16": mini('{"MsgType":"text"}'.encode("utf-16")),
    "half a surrogate pair": mini(b'{"MsgType":"text","Content":"\\ud800"}'),
    "text beside elements": plain(b"<xml>text<MsgType>a</MsgType></xml>"),
    "JSON to an XML account": plain(b'{"MsgType":"text"}'),
    "XML to a JSON account": mini(fan_event()),
    "safe JSON to an XML account": Sent(
        f"mini-program/{MP}",
        json.dumps({"ToUserName": "gh", "Encrypt": encrypt(b'{"MsgType":"a"}', MP)}).encode(),
        query(encrypt(b'{"MsgType":"a"}', MP)),
    ),
    "JSON inside XML": corp(json.dumps({"ToUserName": CORP, "MsgType": "event"}).encode()),
    "XML inside JSON": Sent(
        f"mini-program/{MP_JSON}",
        json.dumps({"Encrypt": encrypt(fan_event(), MP_JSON)}).encode(),
        query(encrypt(fan_event(), MP_JSON)),
    ),
    "JSON list": mini(b'[{"MsgType":"text"}]'),
    "JSON text": mini(b'"MsgType"'),
    "JSON cut": mini(b'{"MsgType":"text"'),
    "JSON with NaN": mini(b'{"MsgType":"text","x":NaN}'),
    "JSON with Infinity": mini(b'{"MsgType":"text","x":-Infinity}'),
    "JSON with a number too large": mini(b'{"MsgType":"text","x":1e999}'),
    "JSON with a number too long": mini(b'{"MsgType":"text","x":' + b"9" * 10_000 + b"}"),
    "JSON with a key twice": mini(b'{"MsgType":"text","MsgType":"event"}'),
    "JSON with a key twice after stripping": mini(b'{"MsgType":"text"," MsgType":"event"}'),
    "no MsgType": plain(b"<xml><ToUserName>gh</ToUserName></xml>"),
    "blank MsgType": plain(b"<xml><MsgType> </MsgType></xml>"),
    "MsgType twice": plain(b"<xml><MsgType>a</MsgType><MsgType>b</MsgType></xml>"),
    "MsgType written two ways": plain(b"<xml><MsgType>a</MsgType><msgtype>b</msgtype></xml>"),
    "MsgType that is an element": plain(b"<xml><MsgType><a>b</a></MsgType></xml>"),
    "JSON without MsgType": mini(b"{}"),
    "MsgType that is a number": mini(b'{"MsgType":1}'),
    "the check of cloud hosting at another door": plain(b"<xml><action>CheckContainerPath</action></xml>"),
    "the check of cloud hosting, forged": mini(b'{"action":"CheckContainerPath"}', 403),
    # Rightly signed, and junk inside.
    "no ciphertext": corp_text(""),
    "Encrypt twice": corp_body(wrapped(GOOD).replace(b"</xml>", b"<Encrypt>x</Encrypt></xml>")),
    "Encrypt written two ways": corp_body(wrapped(GOOD).replace(b"</xml>", b"<encrypt>x</encrypt></xml>")),
    "Encrypt with elements": corp_body(b"<xml><Encrypt><a>b</a></Encrypt></xml>"),
    "Encrypt that is a number": corp_body(b'{"Encrypt":5}'),
    "Encrypt that is null": corp_body(b'{"Encrypt":null}', 403),
    "not base64": corp_text("%%%% not base64 %%%%"),
    "base64 of another alphabet": corp_text("-_" * 32),
    "base64 cut": corp_text(GOOD[:-3]),
    "not ASCII": corp_text("密文" * 16),
    "not whole blocks": corp_text(base64.b64encode(b"x" * 33).decode()),
    "one block only": corp_text(SHORT),
    "random blocks": corp_text(base64.b64encode(bytes(range(96))).decode()),
    "encrypted with another key": corp(corp_event(), key=OTHER_KEY),
    "padding of zero": corp(corp_event(), pad=bytes(16 - (20 + len(corp_event()) + len(CORP)) % 16)),
    "padding above 32": corp(b"x" * 10, pad=bytes([200]) * (64 - 30 - len(CORP))),
    "padding of unequal bytes": corp(b"x" * 10, pad=b"\x01" * (63 - 30 - len(CORP)) + b"\x09"),
    "length beyond the end": corp(corp_event(), length=100_000),
    "length of 4 GiB": corp(corp_event(), length=2**32 - 1),
    "length that eats the receiveid": corp(corp_event(), 403, length=len(corp_event()) + 3),
    "length too short": corp(corp_event(), 403, length=10),
    "empty message": corp(b""),
    "message of blanks": corp(b"   "),
    "junk inside": corp(b"\x00\x01\x02junk"),
    "text inside": corp("你好".encode()),
    "XML cut inside": corp(corp_event()[:-20]),
    "entity bomb inside": corp(BOMB),
    "external entity inside": corp(EXTERNAL),
    "deep XML inside": corp(DEEP_XML),
    "GBK inside": corp(GBK),
    "UTF-16 inside": corp(UTF16),
    "not UTF-8 inside": corp(NOT_UTF8),
    "no MsgType inside": corp(f"<xml><ToUserName>{CORP}</ToUserName></xml>".encode()),
    "an envelope in the envelope": corp(wrapped(GOOD)),
    "safe, junk inside": safe(b"junk"),
    "safe, JSON inside": safe(b'{"MsgType":"text"}'),
    "safe, no MsgType inside": safe(b"<xml><a>b</a></xml>"),
    "mini-program, entity bomb inside": safe(BOMB, MP, "mini-program"),
}
BROKEN["the check of cloud hosting, forged"].query = {**query(), "signature": "0" * 40}


@pytest.mark.parametrize("name", BROKEN)
def test_gets_a_4xx_and_leaves_nothing(app: APIFlask, client: FlaskClient, name: str) -> None:
    sent = BROKEN[name]
    answer = client.post(f"/callbacks/{sent.path}", query_string=sent.query, data=sent.body)  # type: ignore[arg-type]
    assert answer.status_code in sent.status, answer.get_data(as_text=True)
    assert kept(app) == []


def test_there_are_at_least_forty_kinds() -> None:
    assert len(BROKEN) >= 40


def test_the_same_ways_of_sending_are_taken_when_nothing_is_wrong(app: APIFlask, client: FlaskClient) -> None:
    """Otherwise the list above could pass because of a fault in the tests' own sending."""
    right = [
        corp(corp_event()),
        corp_text(GOOD),
        corp_body(wrapped(GOOD)),
        plain(fan_event()),
        mini(b'{"MsgType":"text"}'),
        safe(fan_event()),
        safe(fan_event(), MP, "mini-program"),
    ]
    for sent in right:
        answer = client.post(f"/callbacks/{sent.path}", query_string=sent.query, data=sent.body)  # type: ignore[arg-type]
        assert answer.status_code == 200
    assert len(kept(app)) == len(right)


def test_a_body_without_a_length_is_bounded_too(app: APIFlask, client: FlaskClient) -> None:
    for size, status in ((100, 400), (1024 * 1024 + 1, 413)):
        answer = client.post(
            f"/callbacks/official-account/{OA_PLAIN}",
            query_string=query(),
            input_stream=io.BytesIO(b"<" * size),
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == status
    assert kept(app) == []


def test_a_gzipped_body_is_not_unpacked(app: APIFlask, client: FlaskClient) -> None:
    answer = client.post(
        f"/callbacks/official-account/{OA_PLAIN}",
        query_string=query(),
        data=gzip.compress(fan_event()),
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status_code == 400 and kept(app) == []


def test_raw_bytes_in_the_query(app: APIFlask, client: FlaskClient) -> None:
    """A browser would encode them; the framework stumbles over them."""
    raw = {"QUERY_STRING": "nonce=\x80"}
    answer = client.post(f"/callbacks/wecom/{CORP}", data=wrapped(GOOD), environ_overrides=raw)
    assert answer.status_code == 400 and kept(app) == []
