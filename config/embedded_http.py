"""Requests of the embedded edition to its own servers, past any proxy of the network."""

import json
import urllib.error
import urllib.request
from typing import Any

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NoAnswer(Exception):
    """The server is not there, or what it said was no JSON."""


def ask(method: str, url: str, body: Any = None, timeout: float = 15.0) -> tuple[int, Any]:
    """The status and the JSON of the answer. Raises NoAnswer."""
    data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    request = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json"} if data else {}
    )
    try:
        with _direct.open(request, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
        try:
            return error.code, json.loads(text or b"null")
        except ValueError:
            return error.code, text.decode("utf-8", "replace")[:500]
    except (OSError, ValueError) as error:
        raise NoAnswer(f"{method} {url}: {error}") from error


def answers(url: str) -> bool:
    """Whether the server answers 200 there, whatever it says."""
    try:
        with _direct.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
