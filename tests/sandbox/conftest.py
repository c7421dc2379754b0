"""A sandbox by real HTTP for each test, and a small product that takes its callbacks."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from wxtag.sandbox import create_sandbox
from wxtag.sandbox.serve import serve

CORP = "ww5a17d0c0ffee0001"
OA = "wx5a17d0c0ffee0a01"
MINI = "wx5a17d0c0ffee0b01"


class World:
    """What a test does with a running sandbox."""

    def __init__(self, running: serve) -> None:
        self.running, self.url = running, running.url
        self.http = requests.Session()
        self._tokens: dict[str, str] = {}

    def control(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.http.request(method, f"{self.url}/sandbox/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def act(self, verb: str, status: int = 200, **body: Any) -> Any:
        return self.control("POST", f"act/{verb}", body, status)

    def switch(self, **values: Any) -> None:
        self.control("PUT", "switches", {name.replace("__", "."): value for name, value in values.items()})

    def switches(self, values: dict[str, Any]) -> None:
        self.control("PUT", "switches", values)

    def faults(self, *faults: dict[str, Any], seed: int = 1) -> None:
        self.control("PUT", "faults", {"seed": seed, "faults": list(faults)})

    def account(self, key: str) -> dict[str, Any]:
        found = self.control("GET", "accounts")["accounts"]
        return next(a for a in found if key in (a.get("corpid"), a.get("appid")))

    def person(self, key: str) -> dict[str, Any]:
        return next(p for p in self.control("GET", "people")["people"] if p["id"] == key)

    def external(self, key: str, corpid: str = CORP) -> str:
        return self.person(key)["external_userids"][corpid]

    def openid(self, key: str, appid: str = OA) -> str:
        return self.person(key)["openids"][appid]

    def idle(self) -> list[dict[str, Any]]:
        assert self.control("POST", "wait_idle", {"timeout": 10})["idle"]
        return self.control("GET", "deliveries")["deliveries"]

    def raw(self, path: str, method: str = "GET", **options: Any) -> requests.Response:
        return self.http.request(method, f"{self.url}/{path}", **options)

    def wecom(self, api: str, body: Any = None, corpid: str = CORP, **query: Any) -> Any:
        token = self.token(corpid)
        return self._call(f"wecom-api/cgi-bin/{api}", body, {"access_token": token, **query})

    def wechat(self, api: str, body: Any = None, appid: str = OA, **query: Any) -> Any:
        token = self.token(appid)
        return self._call(f"wechat-api/{api}", body, {"access_token": token, **query})

    def _call(self, path: str, body: Any, query: dict[str, Any]) -> Any:
        method = "GET" if body is None else "POST"
        answer = self.http.request(method, f"{self.url}/{path}", params=query, json=body)
        assert answer.status_code == 200
        return answer.json()

    def token(self, key: str) -> str:
        if key not in self._tokens:
            account = self.account(key)
            if account["kind"] == "wecom":
                query = {"corpid": key, "corpsecret": account["secret"]}
                answer = self.raw("wecom-api/cgi-bin/gettoken", params=query).json()
            else:
                query = {"grant_type": "client_credential", "appid": key, "secret": account["secret"]}
                answer = self.raw("wechat-api/cgi-bin/token", params=query).json()
            self._tokens[key] = answer["access_token"]
        return self._tokens[key]

    def skew(self, seconds: float) -> None:
        """The platforms' clock is that much later from now on."""
        self.switches({"clock_skew_seconds": seconds})


@pytest.fixture(scope="session")
def running() -> Iterator[serve]:
    with serve(create_sandbox()) as started:
        yield started


@pytest.fixture
def world(running: serve) -> World:
    """The world by default, as a reset leaves it."""
    fresh = World(running)
    fresh.control("POST", "reset")
    return fresh


class Product:
    """Takes what is sent to it; answers by `reply`."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.reply: Callable[[dict[str, Any]], tuple[int, str]] = lambda _: (200, "")
        product = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                request = {
                    "method": self.command,
                    "path": parts.path,
                    "query": {key: values[0] for key, values in parse_qs(parts.query).items()},
                    "body": self.rfile.read(length).decode(),
                    "headers": dict(self.headers),
                }
                product.taken.append(request)
                status, body = product.reply(request)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            do_GET = do_POST = _take

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def pushes(self) -> list[dict[str, Any]]:
        return [request for request in self.taken if request["method"] == "POST"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def product() -> Iterator[Product]:
    made = Product()
    yield made
    made.close()
