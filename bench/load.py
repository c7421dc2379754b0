"""A load generator for HTTP on one host: keep-alive connections, requests that are made beforehand."""

import select
import socket
import time
from typing import NamedTuple

PATIENCE = 5.0
"""Seconds in which a server must answer something."""


class Measured(NamedTuple):
    """What one stretch of load showed."""

    rate: float
    """Answers a second."""
    p50: float
    """Milliseconds."""
    p99: float
    wrong: int
    """Answers other than 200."""


def post(path: str, body: bytes) -> bytes:
    """The bytes of one request."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: text/xml\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def whole(answer: bytes) -> bool:
    """Whether an answer has arrived with all of its body."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    _, found, rest = head.lower().partition(b"content-length:")
    return bool(found) and len(body) >= int(rest.split(b"\r\n")[0])


def run(port: int, requests: list[bytes], seconds: float, connections: int = 32) -> Measured:
    """Keeps every connection busy with one request after the other."""
    poll, sockets, began, took, wrong, turn = select.epoll(), {}, {}, [], 0, 0
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(connection, select.EPOLLIN)
        sockets[connection.fileno()] = connection
    answers: dict[int, bytes] = {}
    start = time.perf_counter()
    for number, connection in sockets.items():
        connection.sendall(requests[turn % len(requests)])
        began[number], turn = time.perf_counter(), turn + 1
    deadline = start + seconds
    now = start
    while now < deadline:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise ConnectionError(f"the server on port {port} does not answer")
        for number, _event in ready:
            connection = sockets[number]
            part = connection.recv(65536)
            if not part:
                raise ConnectionError(f"the server on port {port} closed a connection")
            answer = answers.pop(number, b"") + part
            if not whole(answer):
                answers[number] = answer
                continue
            now = time.perf_counter()
            took.append(now - began[number])
            wrong += answer[9:12] != b"200"
            connection.sendall(requests[turn % len(requests)])
            began[number], turn = now, turn + 1
        now = time.perf_counter()
    elapsed = now - start
    for connection in sockets.values():
        connection.close()
    took.sort()
    return Measured(
        len(took) / elapsed, took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000, wrong
    )
