"""The status page: what an admin sees, in Chinese; what nobody may see; and that it is safe to show."""

import re

import pytest
from sqlalchemy import select, update

from tests.web.test_signin import set_up
from wxtag import clock, companies
from wxtag.app import core
from wxtag.database import writing
from wxtag.models import Account, Customer, InboxMessage, Push
from wxtag.setup_links import make_setup_link

BINDING = {
    "kind": "wecom",
    "corpid": "ww5a17d0c0ffee0001",
    "agentid": 1000002,
    "secret": "the-secret-of-the-app",
    "token": "Token01",
    "aes_key": "Q2hhbm5lbEtleUZvclNjcm1Db25uZWN0b3JUZXN0MDE",
    "name": "小满茶铺企业微信",
}


@pytest.fixture
def seen(client, town, company):
    """The page of a signed-in admin, as text."""
    with writing() as session:
        account = companies.bind(session, core().sealer, company, BINDING)
        for number, (event, state, error) in enumerate(
            [
                ("change_external_contact", "failed", "未知字段"),
                ("view", "ignored", None),
                ("view", "ignored", None),
            ]
        ):
            session.add(
                InboxMessage(
                    company_id=company.id,
                    account_id=account.id,
                    spool_id=str(number),
                    source="callback",
                    event=event,
                    body=b"",
                    received_at=clock.now(),
                    state=state,
                    error=error,
                )
            )
        link = make_setup_link(session, company.id)
    set_up(client, f"/setup/{link}")

    def look(path="/"):
        answer = client.get(path)
        assert answer.status_code == 200
        return re.sub(r"\s+", " ", answer.text)

    return look


def test_everything_is_on_it(seen, town):
    page = seen()
    for text in (
        "小满茶铺企业微信",
        "/callbacks/wecom/ww5a17d0c0ffee0001/1000002",
        "尚未收到",
        "change_external_contact",
        "未知字段",
        "<b>2</b><code>view</code>",
        "林晓",
        "地区/城市",
        "杭州",
        "最近位置：浙江·杭州",
        "等待推送",
        "ZhaoMin",
        "待推送好友关系",
        "/api/docs",
    ):
        assert text in page, text
    assert "林晓" in seen("/status") and "<html" not in seen("/status")


def test_failed_pushes_say_why(seen, town):
    with writing() as session:
        session.execute(update(Push).values(state="failed", error="84061 不再是好友"))
    assert "推送失败" in seen() and "84061 不再是好友" in seen() and "ZhaoMin → 林晓" in seen()


def test_no_secret_is_on_it(seen, town):
    page = seen()
    for secret in (BINDING["secret"], BINDING["token"], BINDING["aes_key"]):
        assert secret not in page
    assert "••••••" in page


def test_what_people_typed_is_text(seen, town, client):
    with writing() as session:
        session.scalars(
            select(Customer).where(Customer.id == town.lin)
        ).one().name = "<script>alert(1)</script>"
    assert "<script>alert" not in seen()
    assert "&lt;script&gt;" in seen()
    answer = client.get("/")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", answer.text)


def test_another_company_is_not_on_it(seen, other_town):
    page = seen()
    assert "林晓x" not in page and other_town.corpid not in page


def test_an_account_in_trouble_is_said(seen):
    with writing() as session:
        session.execute(update(Account).values(status="broken", trouble="Secret 已失效"))
    assert "异常" in seen() and "Secret 已失效" in seen()


def test_the_api_page_shows_every_call(client, town):
    page = client.get("/api/docs").text
    for path in client.get("/api/openapi.json").json["paths"]:
        assert path in page
    assert "http://" not in page and "https://" not in page
