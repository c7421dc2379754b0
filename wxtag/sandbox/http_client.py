"""A small HTTP client: one request with a time-out, no redirects followed."""

import http.client
import urllib.parse
from dataclasses import dataclass


class NoAnswer(Exception):
    """The other side did not answer, or not in time."""


@dataclass
class Answer:
    """What came back."""

    status: int
    body: str


def send(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 5,
) -> Answer:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NoAnswer(f"not an http address: {url}")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path, body=body, headers={"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.read(1_000_000).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as problem:
        raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem
    finally:
        connection.close()
