"""Health: what is missing is named; numbers; and only those who run the place may ask."""

import errno
from dataclasses import replace
from types import SimpleNamespace

import pytest
from apiflask import APIFlask
from prometheus_client import Counter, values
from redis import Redis

from tests.web.town import ONE_DATABASE
from wxtag import clock, mover
from wxtag import spool as spool_module
from wxtag.apikeys import make_key
from wxtag.app import core, create_core
from wxtag.database import writing
from wxtag.errors import Unavailable
from wxtag.models import Account, InboxMessage, NightlyRun, Push, Touched
from wxtag.spool import spool_of
from wxtag.spooling import SpoolRecord
from wxtag.web import pages


@pytest.fixture
def settings(settings, redis_url):
    Redis.from_url(redis_url).flushall()
    return replace(settings, redis_url=redis_url)


def beat(process, age_ms=0):
    core().redis.set(f"wxtag:heartbeat:{process}", clock.now() - age_ms)


def test_alive_needs_nothing(tmp_path):
    app = create_core(replace_settings(tmp_path, database_url="mysql+pymysql://nobody@127.0.0.1:1/none"))
    pages.register(app)
    assert app.test_client().get("/healthz").json == {"alive": True}
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["database"].startswith("does not answer")
    assert answer.json["checks"]["redis"].startswith("does not answer")
    assert "wxtag_database_up 0" in app.test_client().get("/metrics").text


def replace_settings(tmp_path, **more):
    from config import Settings
    from tests.conftest import SECRET_KEY

    given = {"secret_key": SECRET_KEY, "data_dir": tmp_path, "redis_url": "unix:///nowhere"}
    return Settings(**(given | more))


def test_ready_names_what_is_missing(app, client, monkeypatch):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    wrong = {name for name, state in answer.json["checks"].items() if state != "ok"}
    assert wrong == {"worker", "clock"}
    beat("worker")
    beat("clock", 31_000)
    assert {n for n, s in client.get("/readyz").json["checks"].items() if s != "ok"} == {"clock"}
    beat("clock")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["ready"]) == (200, True)
    monkeypatch.setattr(mover, "backlog", lambda _: SimpleNamespace(oldest_ms=61_000))
    answer = client.get("/readyz")
    assert answer.status_code == 503 and "61 s" in answer.json["checks"]["spool"]


def test_numbers_of_the_line(app, client, company):
    with writing() as session:
        account = Account(
            company_id=company.id,
            kind="wecom",
            appid="ww1",
            key="ww1",
            name="x",
            secret="",
            token="",
            aes_key="",
            created_at=1,
            updated_at=1,
        )
        session.add(account)
        session.flush()
        for number, state in enumerate(["new", "new", "failed"]):
            session.add(
                InboxMessage(
                    company_id=company.id,
                    account_id=account.id,
                    spool_id=str(number),
                    source="callback",
                    body=b"",
                    received_at=clock.now() - 5000,
                    state=state,
                )
            )
        session.add_all([Touched(company_id=company.id, customer_id=7, at=1) for _ in range(3)])
        session.add(
            NightlyRun(
                company_id=company.id, day="2026-01-01", state="done", started_at=5000, finished_at=9000
            )
        )
    text = client.get("/metrics").text
    for line in (
        'wxtag_inbox_messages{state="new"} 2.0',
        'wxtag_inbox_messages{state="failed"} 1.0',
        "wxtag_touched_customers 1.0",
        "wxtag_nightly_seconds 4.0",
        "wxtag_database_up 1.0",
    ):
        assert line in text
    oldest = next(line for line in text.splitlines() if line.startswith("wxtag_inbox_oldest_seconds "))
    assert 5 <= float(oldest.split()[1]) < 60
    assert company.name not in text


@ONE_DATABASE
@pytest.mark.parametrize("address", ["/readyz", "/metrics"])
def test_only_the_local_host_or_an_admin_may_ask(app, client, company, address):
    def asked(key=None, remote="203.0.113.9", **headers):
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return client.get(address, headers=headers, environ_base={"REMOTE_ADDR": remote}).status_code

    with writing() as session:
        admin = make_key(session, company.id, "admin")
        manager = make_key(session, company.id, "manager")
    assert asked() == asked(manager) == asked("wxt_forged") == 403
    assert asked(admin) != 403
    assert asked(remote="127.0.0.1") != 403
    assert asked(remote="::1") != 403
    assert asked(remote="127.0.0.1", **{"X-Forwarded-For": "203.0.113.9"}) == 403
    assert asked(remote="127.0.0.1", **{"X-Forwarded-For": "127.0.0.1"}) == 403
    assert asked(remote="") == 403


def test_behind_a_trusted_proxy_the_visitor_is_the_one_it_names(settings):
    app: APIFlask = create_core(replace(settings, trusted_proxies=1))
    pages.register(app)
    answer = app.test_client().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1, 203.0.113.9"})
    assert answer.status_code == 403


def test_counters_of_several_processes_are_added(client, tmp_path, monkeypatch):
    folder = tmp_path / "counters"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    for pid in (1001, 1002):
        monkeypatch.setattr(
            "prometheus_client.metrics.values.ValueClass", values.MultiProcessValue(lambda pid=pid: pid)
        )
        Counter("wxtag_test_total", "For this test", registry=None).inc(2)
    assert "wxtag_test_total 4.0" in client.get("/metrics").text


def test_pushes_are_counted_by_state(app, client, town):
    with writing() as session:
        session.query(Push).update({"state": "failed"})
    assert 'wxtag_pushes{state="failed"} 3.0' in client.get("/metrics").text


@ONE_DATABASE
def test_a_disk_that_takes_nothing_is_said(app, client, settings, monkeypatch):
    spool = spool_of(settings)
    message = SpoolRecord(1, 1, "callback", b"x", 0)
    with monkeypatch.context() as patch:
        patch.setattr(spool_module, "sync", full)
        with pytest.raises(Unavailable):
            spool.put(message)
        assert (
            "could not be written (No space left on device)" in client.get("/readyz").json["checks"]["spool"]
        )
    spool.put(message)
    assert client.get("/readyz").json["checks"]["spool"] == "ok"


def full(_descriptor):
    raise OSError(errno.ENOSPC, "No space left on device")
