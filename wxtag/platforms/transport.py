"""One HTTP call to a platform: strict about time, addresses and size, lenient about the form of JSON."""

import json
import os
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from prometheus_client import Counter
from urllib3.exceptions import HTTPError

from wxtag import clock
from wxtag.errors import PlatformError
from wxtag.platforms.codes import error_code, meaning, no_answer, raise_for
from wxtag.platforms.redaction import silence_addresses

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
WHOLE_SECONDS = 20.0
"""For the whole answer: a server that sends a byte every nine seconds would never trip READ_SECONDS."""
LARGEST_ANSWER = 32 * 1024 * 1024

CALLS = Counter("wxtag_platform_calls_total", "Calls to the platforms", ["platform", "api", "result"])

# Sessions that nobody uses just now, by process and address. A session serves one call at a time, and a
# forked child must not write into its parent's connections.
_idle: defaultdict[tuple[int, str], deque[requests.Session]] = defaultdict(deque)

silence_addresses()


def call(
    platform: str,
    base: str,
    method: str,
    path: str,
    query: Mapping[str, Any],
    body: Mapping[str, Any] | None = None,
    secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """The platform's answer, its error codes already raised.

    Raises PlatformError; one with code None means that no usable answer came: a timeout, another status
    than 200, something that is not a JSON object. Texts of errors hold neither `secrets` nor the address.
    """
    api = path.removeprefix("/cgi-bin/").lstrip("/")
    try:
        answer = _answer(api, base, method, base + path, query, body)
    except PlatformError:
        CALLS.labels(platform, api, "no_answer").inc()
        raise
    code = error_code(answer)
    CALLS.labels(platform, api, meaning(platform, code).action if code else "ok").inc()
    raise_for(platform, api, answer, secrets)
    return answer


def _answer(
    api: str, base: str, method: str, url: str, query: Mapping[str, Any], body: Mapping[str, Any] | None
) -> dict[str, Any]:
    # Chinese goes out as it is: some inputs refuse \uXXXX with 40033.
    data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    trouble = ""
    try:
        status, content = _exchange(base, method, url, query, data)
    except (requests.RequestException, HTTPError) as error:
        # The library's own text holds the whole address, token and all: only the kind is told, and the
        # error is raised below so that it does not hang on to the original.
        trouble = type(error).__name__
    if trouble:
        raise no_answer(api, f"平台没有应答（{trouble}）：请检查服务器到平台的网络")
    if status != 200:
        # A gateway that is overloaded recovers soon; another status is a wrong address, most likely.
        wait = 5.0 if status >= 500 else 30.0
        raise no_answer(api, f"平台返回 HTTP {status}，应为 200：请检查平台地址设置，或稍后再试", wait)
    try:
        # Nicknames bring control characters and cut emoji, which a strict reader would refuse.
        answer = json.loads(content.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise no_answer(api, f"平台返回的 {len(content)} 字节不是 JSON 对象：请检查平台地址设置，或稍后再试")
    return answer


def _exchange(
    base: str, method: str, url: str, query: Mapping[str, Any], data: bytes | None
) -> tuple[int, bytes]:
    """Status and body. A connection that had trouble is not used again."""
    idle = _idle[os.getpid(), base]
    try:
        session = idle.pop()
    except IndexError:
        session = _session()
    try:
        with session.request(
            method,
            url,
            params=dict(query),
            data=data,
            headers={} if data is None else {"Content-Type": "application/json; charset=utf-8"},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,  # a redirect turns POST into GET and takes the token elsewhere
            stream=True,
        ) as response:
            content = _read(response)
            status = response.status_code
    except BaseException:
        session.close()
        raise
    idle.append(session)
    return status, content


def _read(response: requests.Response) -> bytes:
    content, deadline = bytearray(), clock.monotonic() + WHOLE_SECONDS
    # read1 gives what has come; the usual ways of reading wait until a whole chunk is full.
    while chunk := response.raw.read1(64 * 1024, decode_content=True):
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise requests.exceptions.ContentDecodingError("answer too large")
        if clock.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout("answer too slow")
    return bytes(content)


def _session() -> requests.Session:
    session = requests.Session()
    # No proxies, .netrc or certificates out of the environment: calls go to the address that is set.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "wxtag"
    return session
