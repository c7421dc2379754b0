"""Every answer, of every address and every error, has the headers that keep a browser from harm."""

import re

from apiflask import APIFlask

from config import Settings
from tests.web.town import ONE_DATABASE
from wsgi import create_app

pytestmark = ONE_DATABASE
PAGES = {
    "Content-Security-Policy": r"default-src 'self'.*frame-ancestors 'none'.*object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-",
}


def test_every_address(settings: Settings) -> None:
    app: APIFlask = create_app(settings)
    app.config["WXTAG_MOVE"] = False
    client, seen = app.test_client(), set()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        for method in sorted(rule.methods or ()):
            answer = client.open(path, method=method)
            seen.add(answer.status_code)
            for name, value in PAGES.items():
                if name == "Cache-Control" and rule.endpoint == "static":
                    continue
                assert re.search(value, answer.headers.get(name, "")), f"{method} {path} lacks {name}"
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert {200, 401, 404} <= seen and 500 not in seen
    for path in ("/callbacks/wecom/x", "/callbacks/official-account/x"):
        assert client.get(path).headers["X-Content-Type-Options"] == "nosniff"


def test_queries_that_are_no_text_are_a_400(settings: Settings) -> None:
    client = create_app(settings).test_client()
    for path in ("/", "/login", "/api/v1/customers", "/healthz", "/oauth/x/back", "/nowhere"):
        for raw in ("a=\xff\xfe", "\x80", "identity=phone::\xff"):
            assert client.get(path, environ_overrides={"QUERY_STRING": raw}).status_code == 400
