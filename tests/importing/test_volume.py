"""A hundred thousand people of a corp and of an Official Account in one go, killed once in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from tests.scenarios.conftest import database, own_redis
from tests.scenarios.product import CORP, OA, ROOT, Product

__all__ = ["own_redis"]
PEOPLE = int(os.environ.get("IMPORT_PEOPLE", "100000"))
BATCH, BATCHGET = "externalcontact/batch/get_by_user", "user/info/batchget"
pytestmark = pytest.mark.long


@pytest.fixture(params=["mariadb", "sqlite"])
def product(request: pytest.FixtureRequest, tmp_path: Path, own_redis: str) -> Iterator[Product]:
    """Sandbox, one worker and the clock; no web server and no library: only the import is looked at."""
    url, _ = database(request.param, tmp_path)
    made = Product(tmp_path, url, own_redis)
    try:
        made.spawn("sandbox", "-m", "wxtag.sandbox", "--port", str(made.sandbox_port))
        made.wait(lambda: made._up(made.sandbox + "/sandbox/people?limit=1"), 20, "the sandbox")
        made.flask("db", "upgrade")
        for document in requests.get(f"{made.sandbox}/sandbox/accounts", timeout=5).json()["accounts"]:
            made.flask("account", "bind", "-", stdin=json.dumps(document))
        made.start_workers()
        yield made
    finally:
        made.stop()


def start(product: Product, account: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "account", "import", account],
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def imported(product: Product, account: str, api: str) -> tuple[float, str]:
    """Begins, is killed after some pages, goes on to the end: seconds in all, and what it said."""
    began = time.monotonic()
    process = start(product, account)
    product.wait(lambda: len(product.calls(api)) >= 7 or process.poll() is not None, 120, "some pages")
    assert process.poll() is None, process.communicate()[0]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process = start(product, account)
    said, _ = process.communicate(timeout=3600)
    assert process.returncode == 0, said
    return time.monotonic() - began, said


def ids(product: Product) -> dict[str, str]:
    return {
        line.split("\t")[2]: line.split("\t")[0] for line in product.flask("account", "list").splitlines()
    }


def bare(product: Product, staff: int, openids: list[str]) -> tuple[float, float]:
    """What the calls alone take, by a client that does nothing with the answers."""
    http = requests.Session()
    accounts = http.get(f"{product.sandbox}/sandbox/accounts", timeout=5).json()["accounts"]
    secret = {a.get("corpid") or a["appid"]: a["secret"] for a in accounts}
    query = {"corpid": CORP, "corpsecret": secret[CORP]}
    token = http.get(f"{product.sandbox}/wecom-api/cgi-bin/gettoken", params=query).json()["access_token"]
    began, cursor = time.monotonic(), ""
    body = {"userid_list": [f"v-staff-{number:04d}" for number in range(staff)], "limit": 100}
    while True:
        found = http.post(
            f"{product.sandbox}/wecom-api/cgi-bin/{BATCH}",
            params={"access_token": token},
            json={**body, **({"cursor": cursor} if cursor else {})},
        ).json()
        assert found["errcode"] == 0, found
        cursor = found["next_cursor"]
        if not cursor:
            break
    contacts = time.monotonic() - began
    query = {"grant_type": "client_credential", "appid": OA, "secret": secret[OA]}
    token = http.get(f"{product.sandbox}/wechat-api/cgi-bin/token", params=query).json()["access_token"]
    began = time.monotonic()
    for at in range(0, len(openids), 100):
        wanted = {"user_list": [{"openid": one} for one in openids[at : at + 100]]}
        url = f"{product.sandbox}/wechat-api/cgi-bin/{BATCHGET}"
        assert http.post(url, params={"access_token": token}, json=wanted).json()["user_info_list"]
    return contacts, time.monotonic() - began


def test_a_hundred_thousand_people(product: Product) -> None:
    product.act("admin_tag_create", group_name="会员等级", names=["金卡", "银卡", "铜卡"])
    made = product.control(
        "POST",
        "act/populate",
        {"customers": PEOPLE, "staff": 50, "unionid_percent": 100, "tag_percent": 20, "tags_each": 2,
         "fans": PEOPLE, "overlap_percent": 50, "prefix": "v", "seed": 1},
    )  # fmt: skip
    accounts = ids(product)
    corp_seconds, said = imported(product, accounts[CORP], BATCH)
    print(f"corp: {corp_seconds:.0f} s\n{said}")
    fan_seconds, said = imported(product, accounts[OA], BATCHGET)
    print(f"fans: {fan_seconds:.0f} s\n{said}")
    with create_engine(product.environment["WXTAG_DATABASE_URL"]).connect() as connection:

        def one(query: str) -> int:
            return int(connection.execute(text(query)).scalar() or 0)

        def column(query: str) -> set[str]:
            return {row[0] for row in connection.execute(text(query))}

        waiting = "SELECT count(*) FROM inbox_messages WHERE state = 'new'"
        end = time.monotonic() + 120
        while one(waiting) and time.monotonic() < end:
            connection.rollback()
            time.sleep(0.5)
        connection.rollback()
        expected, cursor = set(), ""
        while True:
            page = product.control("GET", f"oracle/relations?limit=100000&cursor={cursor}")
            expected |= {(r["userid"].lower(), r["external_userid"]) for r in page["relations"]}
            cursor = page.get("next") or ""
            if not cursor:
                break
        rows = connection.execute(
            text("SELECT userid, external_userid FROM follow_users WHERE status='active'")
        )
        found = [(row[0], row[1]) for row in rows]
        assert set(found) == expected and len(found) == len(expected) >= PEOPLE
        openids = column("SELECT value FROM identities WHERE kind = 'openid' AND active")
        assert len(openids) == PEOPLE
        joined = "SELECT customer_id FROM identities GROUP BY customer_id HAVING count(*) = 3"
        assert one(f"SELECT count(*) FROM ({joined}) x") == made["both"] == PEOPLE // 2
        messages = "SELECT count(*) FROM inbox_messages WHERE source = 'import'"
        assert one(messages) == len(expected) + PEOPLE, "nobody twice"
        assert one("SELECT count(*) FROM inbox_messages WHERE state = 'failed'") == 0
        assert one("SELECT count(*) FROM relation_tags") > PEOPLE // 5
        assert one("SELECT count(*) FROM relation_tags WHERE ours") == 0
    contacts, infos = bare(product, 50, sorted(openids))
    print(f"people: {PEOPLE}; the import of the corp {corp_seconds:.0f} s, its bare calls {contacts:.1f} s; "
          f"of the fans {fan_seconds:.0f} s, bare calls {infos:.1f} s")  # fmt: skip
