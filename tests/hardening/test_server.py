"""The web server of Procfile against sockets that keep to no rule: 4xx, nothing kept, others served."""

import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.callbacks.playing import CORP, OA_PLAIN, fan_event, query
from tests.hardening.serving import Served, serving, status_of

PATH = f"/callbacks/official-account/{OA_PLAIN}"
BODY = fan_event()
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSE = "Connection: close\r\n"
STRANGER = "/callbacks/wecom/ww00000000000000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Served]:
    """The tests' accounts; all that follows happens to this one, and at the end nothing may be kept."""
    with serving(tmp_path_factory.mktemp("server"), sqlite_template, WEB_CONCURRENCY="1") as served:
        yield served
        assert served.alive()
        served.end()
        assert served.kept() == []
        log = served.log.read_text(errors="replace")
        assert "Traceback" not in log and "Unexpected exit" not in log, log[-3000:]


def post(*headers: str, path: str = "", version: str = "1.1") -> bytes:
    """The head of a POST that is rightly signed, as far as plain mode signs."""
    asked = urlencode(query(at=int(time.time()), nonce=f"{random.random()}"))
    lines = [f"POST {path or PATH}?{asked} HTTP/{version}", "Host: x", *headers, "", ""]
    return "\r\n".join(lines).encode()


RIGHT = f"Content-Length: {len(BODY)}"
SMUGGLING = {
    "two lengths": (post(RIGHT, "Content-Length: 3"), BODY),
    "a list of lengths": (post(f"{RIGHT}, {len(BODY)}"), BODY),
    "a length with a sign": (post(f"Content-Length: +{len(BODY)}"), BODY),
    "a length in hex": (post("Content-Length: 0x10"), BODY),
    "a negative length": (post("Content-Length: -1"), BODY),
    "an unknown encoding": (post("Transfer-Encoding: xchunked"), b"0\r\n\r\n"),
    "two encodings": (post("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), b"0\r\n\r\n"),
    "a blank before the colon": (post("Transfer-Encoding : chunked"), b"0\r\n\r\n"),
    "an encoding in HTTP 1.0": (post("Transfer-Encoding: chunked", version="1.0"), b"0\r\n\r\n"),
    "a folded header": (post("X: a\r\n b", RIGHT), BODY),
    "a chunk without a size": (post("Transfer-Encoding: chunked"), b"zz\r\nabc\r\n0\r\n\r\n"),
    "a chunk of negative size": (post("Transfer-Encoding: chunked"), b"-1\r\nabc\r\n0\r\n\r\n"),
    "a NUL in the path": (b"GET /healthz\x00 HTTP/1.1\r\nHost: x\r\n\r\n",),
    "bytes in the path": (b"GET /lo\xffgin HTTP/1.1\r\nHost: x\r\n\r\n",),
    "bytes in the query": (b"GET /api/v1/customers?q=\xff HTTP/1.1\r\nHost: x\r\n\r\n",),
    "a header of a megabyte": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",),
    "a thousand headers": (
        b"GET /healthz HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(1000)) + b"\r\n",
    ),
    "an address without end": (b"GET /healthz?" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",),
    "a length over 1 MiB": (post("Content-Length: 2000000"), b"a" * 100_000),
    "a length over all numbers": (post("Content-Length: " + "9" * 30), b"a"),
    "chunks without end": (post("Transfer-Encoding: chunked"), *[b"10000\r\n" + b"a" * 65536 + b"\r\n"] * 30),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",),
}


@pytest.mark.parametrize("pieces", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_what_no_client_sends(server: Served, pieces: tuple[bytes, ...]) -> None:
    assert 400 <= server.status(*pieces) < 500
    assert server.alive()


def test_length_and_chunks_at_once_hide_no_second_request(server: Served) -> None:
    answer = server.say(post(RIGHT, "Transfer-Encoding: chunked"), b"0\r\n\r\n" + SMUGGLED, seconds=1)
    assert 400 <= status_of(answer) < 500 and answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("status_and_path", [(403, STRANGER), (413, PATH)], ids=["403", "413"])
def test_a_body_that_was_not_read_is_no_second_request(
    server: Served, status_and_path: tuple[int, str]
) -> None:
    status, path = status_and_path
    length = len(SMUGGLED) if status == 403 else 2_000_000
    answer = server.say(post(f"Content-Length: {length}", path=path), SMUGGLED, seconds=1)
    assert status_of(answer) == status and answer.count(b"HTTP/1.1") == 1


def test_random_bytes(server: Served) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    whole = bytearray(post(RIGHT, CLOSE.strip(), path=f"/callbacks/wecom/{CORP}") + BODY)
    for _ in range(20):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        status = server.status(bytes(damaged), b"\r\n\r\n")
        assert status == 0 or 400 <= status < 500, bytes(damaged)


def test_slow_heads_and_bodies_of_strangers_hold_up_nobody(server: Served) -> None:
    """More of them than there are threads. Who names an account that there is, the proxy must keep off."""
    slow: list[socket.socket] = []
    try:
        for _ in range(40):
            for start in (b"POST /callbacks/wecom/x HT", post("Content-Length: 1000", path=STRANGER) + b"<"):
                connection = server.connect()
                connection.sendall(start)
                slow.append(connection)
        time.sleep(0.2)
        for connection in slow:
            try:
                connection.sendall(b"x")
            except OSError:
                continue  # a stranger has had the answer already
        began = time.monotonic()
        assert server.alive()
        assert server.status(post("Content-Length: 3", CLOSE.strip()), b"<x>") == 400
        assert time.monotonic() - began < 5
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.long
def test_junk_makes_nothing_grow(server: Served) -> None:
    """100,000 requests of forgers, after a first tenth that fills caches."""
    sizes = []
    for round_ in range(10):
        with server.connect(30) as connection:
            for number in range(round_ * 10_000, round_ * 10_000 + 10_000, 50):
                batch = b"".join(forged(number + n) for n in range(50))
                connection.sendall(batch)
                answers = b""
                while answers.count(b"HTTP/1.1") < 50 or not answers.endswith((b"refused", b"malformed")):
                    answers += connection.recv(262_144)
                assert b"HTTP/1.1 5" not in answers and b"HTTP/1.1 2" not in answers
        sizes.append(server.memory())
    print([size // 2**20 for size in sizes])
    assert sizes[-1] <= 1.1 * sizes[0]
    scraped = server.say(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert scraped.count(b"\nwxtag_callbacks_total{") < 30


def forged(number: int) -> bytes:
    paths = [f"wecom/ww{number:016d}", f"wecom/{CORP}/{number}", f"official-account/wx{number:016x}"]
    paths += [f"official-account/{OA_PLAIN}", f"wecom/{CORP}"]
    asked = urlencode(query(at=int(time.time()), nonce=f"n{number}", token=f"guess{number}"))
    head = f"POST /callbacks/{paths[number % 5]}?{asked} HTTP/1.1\r\nHost: x\r\n{RIGHT}\r\n\r\n"
    return head.encode() + BODY
