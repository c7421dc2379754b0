"""Secrets and phones stand in nothing that a run wrote: files, logs, pages, outputs of commands, Redis."""

import base64
import contextlib
import json
import re
import socket
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from redis import Redis

from config.bundled import redis_server
from tests.hardening.serving import heard
from tests.scenarios.product import CORP, MP, OA, ZHAO, Product
from wxtag.sealing import Sealer

KEY = "a secret key whose text is looked for everywhere"
GUESS, CODE = "guessed-password-7f3a9c", "one-time-code-5d1e8b"
PLATFORMS_OWN = ("sandbox.log", "sandbox.json")
"""What the sandbox writes: it plays the platforms, which know all this."""


class Said:
    """Everything that was answered or printed."""

    def __init__(self, product: Product) -> None:
        self.product, self.texts = product, dict[str, str]()

    def asked(self, method: str, path: str, **more: object) -> requests.Response:
        answer = requests.request(method, self.product.url + path, timeout=20, **more)  # type: ignore[arg-type]
        self.texts[f"{method} {path[:60]} {len(self.texts)}"] = f"{answer.headers}\n{answer.text}"
        return answer

    def ran(self, *arguments: str, stdin: str = "") -> None:
        done = self.product._flask(arguments, stdin)
        self.texts[f"flask {' '.join(arguments)} {len(self.texts)}"] = done.stdout + done.stderr


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dumped")
    place = folder / "r.sock"
    command = [str(redis_server()), "--port", "0", "--unixsocket", str(place), "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen([*command, "--save", "", "--appendonly", "yes"], stdout=log)
    while not place.exists():
        assert process.poll() is None
        time.sleep(0.02)
    yield f"unix://{place}"
    process.kill()
    process.wait(10)


def live(product: Product, said: Said, documents: list[dict[str, str]]) -> None:
    """A day of an installation: people, staff, forgers, trouble, an admin who looks at everything."""
    product.act("follow", scene="store-017")
    product.act("mini_login")
    product.act("mini_phone")
    product.act("report_location", city="杭州")
    product.act("add_friend", userid=ZHAO)
    product.quiet()
    # Forged and broken callbacks, guesses, junk.
    said.asked(
        "POST", f"/callbacks/official-account/{OA}?signature=0&timestamp=1&nonce=n&code={CODE}", data=b"<x>"
    )
    said.asked("POST", f"/callbacks/official-account/{OA}?signature=0&timestamp=1&nonce=n", data=b"{" * 5000)
    said.asked("GET", f"/callbacks/wecom/{CORP}?echostr={CODE}")
    said.asked("POST", f"/mini/{MP}/login", json={"code": CODE})
    said.asked("POST", f"/mini/{MP}/login", json={"code": [CODE]})
    said.asked("POST", f"/mini/{MP}/phone", json={"code": CODE}, headers={"Authorization": f"Bearer {CODE}"})
    said.asked("POST", "/login", data={"name": "admin", "password": GUESS})
    said.asked("GET", "/login")
    said.asked("GET", f"/setup/{CODE}")
    said.asked("GET", f"/oauth/{OA}/start?next=/x", allow_redirects=False)
    said.asked("GET", f"/oauth/{OA}/back?code={CODE}&state=x")
    with socket_of(product) as connection:
        connection.sendall(f"GET /healthz?code={CODE}\x00 HTTP/1.1\r\n\r\n".encode())
        said.texts["raw"] = heard(connection).decode("latin-1")
    # The platforms in trouble, with tokens in the addresses.
    for what in ("drop_connection", "http_500", "not_json", "token_dies"):
        fault = {"platform": "*", "api": "*", "what": what, "count": 2}
        product.control("PUT", "faults", {"faults": [fault]})
        product.act("report_location", city="上海")
        product.act("edit_contact", userid=ZHAO, remark=f"r{what}")
        said.ran("account", "check", "1")
        said.asked("POST", f"/mini/{MP}/login", json={"code": product.act("js_code")["code"]})
    product.control("PUT", "faults", {"faults": []})
    product.quiet(40)
    # What an admin sees and types.
    key = {"Authorization": f"Bearer {product.key}"}
    # (Customers themselves are left out: an admin may see their phones.)
    for path in ("/api/v1/tags", "/api/v1/conflicts", "/metrics", "/readyz", "/", "/api/openapi.json"):
        said.asked("GET", path, headers=key)
    said.ran("account", "list")
    said.ran("library", "dump")
    said.ran("keys", "reseal")
    said.ran("replay")
    wrong = {"token": "不", "aes_key": documents[0]["aes_key"] + "x", "mode": "x"}
    said.ran("account", "bind", "-", stdin=json.dumps({**documents[0], **wrong}))
    product.quiet()


def socket_of(product: Product) -> socket.socket:
    return socket.create_connection(("127.0.0.1", product.web_port), 5)


def break_database(product: Product, said: Said, phone: str, folder: Path) -> None:
    """A table is gone in the middle of the day: every part of the program complains as it does."""
    with contextlib.closing(sqlite3.connect(folder / "wxtag.sqlite", timeout=30)) as database:
        database.execute("ALTER TABLE identities RENAME TO identities_away")
        database.commit()
    key = {"Authorization": f"Bearer {product.key}"}
    for asked in (f"identity=phone::%2B86{phone}", f"q={phone}"):
        assert said.asked("GET", f"/api/v1/customers?{asked}", headers=key).status_code >= 500
    with contextlib.suppress(AssertionError):
        product.act("mini_phone")
    said.ran("recompute")
    log = folder / "worker0.log"
    product.wait(
        lambda: "tried again" in log.read_text() or "Error" in log.read_text(), 15, "trouble in the log"
    )
    with contextlib.closing(sqlite3.connect(folder / "wxtag.sqlite", timeout=30)) as database:
        database.execute("ALTER TABLE identities_away RENAME TO identities")
        database.commit()


def needles(product: Product, documents: list[dict[str, str]], redis: Redis, phone: str) -> dict[str, bytes]:
    """What must not be found, by what it is."""
    found = {"secret key": KEY, "guessed password": GUESS, "one-time code": CODE, "API key": product.key}
    for number, document in enumerate(documents):
        for name in ("secret", "token", "aes_key"):
            found[f"{name} of account {number}"] = document[name]
    tokens = [name for name in redis.keys("wxtag:token:*") if redis.type(name) == b"string"]  # type: ignore[union-attr]
    for name in tokens:
        sealed = redis.get(name)
        with contextlib.suppress(Exception):
            value = json.loads(Sealer(KEY).open(sealed.decode(), name.decode()))[0]  # type: ignore[union-attr]
            found[f"access token {name.decode()}"] = value
    assert any(name.startswith("access token") for name in found)
    mini = next(document for document in documents if document["kind"] == "mini_program")
    asked = {"appid": MP, "secret": mini["secret"], "js_code": product.act("js_code")["code"]}
    answer = requests.get(product.sandbox + "/wechat-api/sns/jscode2session", params=asked, timeout=5).json()
    found["session key"] = answer["session_key"]
    digits = phone.lstrip("+").removeprefix("86")
    assert re.fullmatch(r"1\d{10}", digits), phone
    found |= {"phone": digits, "spaced phone": f"{digits[:3]} {digits[3:7]} {digits[7:]}"}
    found["phone with dashes"] = f"{digits[:3]}-{digits[3:7]}-{digits[7:]}"
    plain = {name: text.encode() for name, text in found.items()}
    long = {name: text for name, text in plain.items() if len(text) > 8}
    return plain | {f"{n} in base64": base64.b64encode(text).rstrip(b"=")[:-1] for n, text in long.items()}


def places(*folders: Path) -> Iterator[tuple[str, bytes]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in PLATFORMS_OWN:
                yield str(path.relative_to(folder.parent)), path.read_bytes()


def found_in(what: dict[str, bytes], where: Iterator[tuple[str, bytes]]) -> list[str]:
    return [
        f"{name} in {place}: …{content[max(0, content.find(text) - 60) : content.find(text)]!r}"
        for place, content in where
        for name, text in what.items()
        if text in content
    ]


@pytest.mark.long
def test_a_run_tells_no_secret_and_no_phone(tmp_path_factory: pytest.TempPathFactory, redis: str) -> None:
    folder = tmp_path_factory.mktemp("told")
    product = Product(folder, f"sqlite:///{folder / 'wxtag.sqlite'}", redis)
    product.environment |= {"WXTAG_SECRET_KEY": KEY, "WXTAG_PUBLIC_URL": "http://127.0.0.1"}
    said = Said(product)
    try:
        product.start()
        documents = requests.get(f"{product.sandbox}/sandbox/accounts", timeout=5).json()["accounts"]
        live(product, said, documents)
        phone = product.person()["phone"]
        break_database(product, said, phone, folder)
        store = Redis.from_url(redis)
        what = needles(product, documents, store, phone)
        store.execute_command("SAVE")
    finally:
        product.stop()
    redis_folder = Path(redis.removeprefix("unix://")).parent
    texts = ((name, text.encode()) for name, text in said.texts.items())
    # The one whom it was sealed for may find it: in the database it is, but sealed.
    with contextlib.closing(sqlite3.connect(folder / "wxtag.sqlite")) as database:
        assert database.execute("SELECT COUNT(*) FROM identities WHERE kind = 'phone'").fetchone()[0] >= 1
    wrong = found_in(what, texts) + found_in(what, places(folder, redis_folder))
    assert wrong == [], "\n".join(wrong)
    assert (redis_folder / "dump.rdb").exists() and (folder / "web.log").stat().st_size > 1000
    # What may hold messages as they came is its owner's alone.
    for path in (folder / "accounts.sealed", folder / "spool"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path} can be read by others"
    # And the search finds what is there.
    (folder / "planted.log").write_bytes(b"x" * 100 + what["phone"] + b"y")
    assert len(found_in(what, places(folder))) == 1
