"""Web authorisation, against a platform that answers over HTTP: who comes back is believed once, and here."""

import json
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from config import Settings
from tests.platforms.scripted import Platform, Raw
from tests.web.town import ONE_DATABASE
from wxtag import companies, snapshot
from wxtag.app import core
from wxtag.database import writing
from wxtag.mover import move_once
from wxtag.web.oauth import cookies
from wxtag.web.oauth.doors import A_MINUTE

pytestmark = ONE_DATABASE  # these addresses work without any

OA = {
    "kind": "official_account",
    "appid": "wx5a17d0c0ffee0a01",
    "secret": "oa-secret-0123456789",
    "token": "Token01",
    "aes_key": "Q2hhbm5lbEtleUZvclNjcm1Db25uZWN0b3JUZXN0MDE",
    "name": "小满茶铺",
}
APPID, OTHER = OA["appid"], "wx5a17d0c0ffee0a02"
TOKEN, PROFILE = "/sns/oauth2/access_token", "/sns/userinfo"
BASE = {"openid": "o-lin", "access_token": "person-token-1", "scope": "snsapi_base"}
CONSENTED = {**BASE, "scope": "snsapi_userinfo", "unionid": "u-lin"}
LIN = {"openid": "o-lin", "unionid": "u-lin", "nickname": "林晓"}


@pytest.fixture
def platform():
    found = Platform()
    yield found
    found.stop()


@pytest.fixture
def settings(settings, platform, redis_url):
    return replace(settings, wechat_api_url=platform.url, redis_url=redis_url)


@pytest.fixture
def browser(app, company, client):
    """A browser, with two Official Accounts bound."""
    with writing() as session:
        for appid in (APPID, OTHER):
            companies.bind(session, core().sealer, company, {**OA, "appid": appid})
        accounts = companies.all_opened(session, core().sealer)
    snapshot.write(core().settings, core().sealer, accounts)
    return client


def spooled():
    found = []
    move_once(core(), lambda records: found.extend(record for _, record in records) or len(records))
    return [(record.source, record.event, json.loads(record.body)) for record in found]


def started(browser, appid=APPID, **asked):
    """Begins an authorisation; what stands in the address of the platform's page."""
    answer = browser.get(f"/oauth/{appid}/start", query_string=asked)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def back(browser, state, code="code-1", appid=APPID):
    return browser.get(f"/oauth/{appid}/back", query_string={"code": code, "state": state})


def test_the_visitor_is_sent_to_the_platforms_page_and_to_no_other(browser, platform):
    answer = browser.get(f"/oauth/{APPID}/start?scope=snsapi_userinfo&next=/page%3Fid%3D1")
    assert answer.headers["Location"].startswith(
        f"{platform.url}/connect/oauth2/authorize?appid={APPID}&redirect_uri="
    )
    assert answer.headers["Location"].endswith("#wechat_redirect")
    asked = started(browser, scope="snsapi_userinfo")
    assert list(asked) == ["appid", "redirect_uri", "response_type", "scope", "state"]
    assert asked["redirect_uri"] == f"http://localhost/oauth/{APPID}/back"
    assert asked["state"].isalnum() and len(asked["state"]) <= 128
    assert Settings().wechat_authorise_url == "https://open.weixin.qq.com/connect/oauth2/authorize"


def test_who_comes_back_is_taken_down_and_known_from_then_on(app, browser, platform):
    platform.on(TOKEN, CONSENTED)
    platform.on(PROFILE, LIN)
    answer = back(browser, started(browser, scope="snsapi_userinfo", next="/page?id=1")["state"])
    assert (answer.status_code, answer.headers["Location"]) == (302, "/page?id=1")
    ((source, event, body),) = spooled()
    assert (source, event) == ("oauth", "login")
    assert {name: body[name] for name in LIN} == LIN
    assert "person-token-1" not in json.dumps(body) and OA["secret"] not in json.dumps(body)
    cookie = browser.get_cookie(cookies.PERSON)
    assert cookie.http_only and cookie.same_site == "Lax"
    with app.test_request_context(headers={"Cookie": f"{cookies.PERSON}={cookie.value}"}) as context:
        assert cookies.person_of(context.request) == (APPID, "o-lin")


def test_silently_only_the_openid_is_known(browser, platform):
    platform.on(TOKEN, {**BASE, "unionid": "not-to-be-believed"})
    assert back(browser, started(browser)["state"]).headers["Location"] == "/"
    ((_, _, body),) = spooled()
    assert set(body) == {"openid", "at"} and platform.count(PROFILE) == 0


def test_cookies_are_for_https_alone_where_the_site_is(app, browser, platform):
    here = core()
    here.settings = replace(here.settings, public_url="https://tea.example.com")
    asked = started(browser)
    assert asked["redirect_uri"] == f"https://tea.example.com/oauth/{APPID}/back"
    answer = browser.get(f"/oauth/{APPID}/start", headers={"Host": "evil.example.com"})
    assert "evil" not in answer.headers["Location"]
    assert "Secure" in answer.headers["Set-Cookie"] and "HttpOnly" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("token", "profile"),
    [
        ({**CONSENTED, "is_snapshotuser": 1}, LIN),
        ({**CONSENTED, "is_snapshotuser": "1"}, LIN),
        ({**BASE, "is_snapshotuser": 1}, LIN),
        (CONSENTED, {"errcode": 48001, "errmsg": "api unauthorized"}),
        (CONSENTED, {**LIN, "nickname": ""}),
        (CONSENTED, {**LIN, "openid": "o-somebody-else"}),
    ],
)
def test_a_snapshot_user_joins_nothing_and_stays_a_stranger(browser, platform, token, profile):
    platform.on(TOKEN, token)
    platform.on(PROFILE, profile)
    answer = back(browser, started(browser, scope="snsapi_userinfo", next="/page")["state"])
    assert answer.headers["Location"] == "/page"
    assert spooled() == [] and browser.get_cookie(cookies.PERSON) is None


def test_who_refuses_goes_on_as_a_stranger(browser, platform):
    answer = back(browser, started(browser, next="/page")["state"], code="")
    assert answer.headers["Location"] == "/page"
    assert spooled() == [] and platform.asked == []


class TestForgery:
    @pytest.fixture(autouse=True)
    def answers(self, platform):
        platform.on(TOKEN, BASE)

    def refused(self, browser, platform, state, **more):
        answer = back(browser, state, **more)
        assert answer.status_code == 400 and "重新打开" in answer.text
        assert spooled() == [] and platform.asked == [] and browser.get_cookie(cookies.PERSON) is None

    def test_an_answer_that_nobody_began(self, browser, platform):
        self.refused(browser, platform, "0" * 32)

    def test_an_answer_that_another_browser_began(self, app, browser, platform):
        state = started(app.test_client())["state"]
        started(browser)
        self.refused(browser, platform, state)

    def test_the_answer_to_another_account(self, browser, platform):
        state = started(browser)["state"]
        self.refused(browser, platform, state, appid=OTHER)

    def test_the_cookie_of_another_account(self, browser, platform):
        state = started(browser)["state"]
        value = browser.get_cookie(cookies.STATE, path=f"/oauth/{APPID}/").value
        browser.set_cookie(cookies.STATE, value, path=f"/oauth/{OTHER}/")
        self.refused(browser, platform, state, appid=OTHER)

    def test_a_state_that_is_not_ascii(self, browser, platform):
        started(browser)
        self.refused(browser, platform, "签名\udcff".encode("utf-8", "replace"))

    def test_a_state_that_was_used(self, browser, platform):
        state = started(browser)["state"]
        kept = browser.get_cookie(cookies.STATE, path=f"/oauth/{APPID}/").value
        assert back(browser, state).status_code == 302
        assert browser.get_cookie(cookies.STATE, path=f"/oauth/{APPID}/") is None
        assert len(spooled()) == 1
        browser.delete_cookie(cookies.PERSON)
        platform.asked.clear()
        browser.set_cookie(cookies.STATE, kept, path=f"/oauth/{APPID}/")
        self.refused(browser, platform, state, code="code-2")

    def test_an_answer_after_more_than_ten_minutes(self, browser, platform, monkeypatch):
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() - cookies.STATE_SECONDS - 2)
        state = started(browser)["state"]
        kept = browser.get_cookie(cookies.STATE, path=f"/oauth/{APPID}/").value
        monkeypatch.setattr(time, "time", real)
        browser.set_cookie(cookies.STATE, kept, path=f"/oauth/{APPID}/")
        self.refused(browser, platform, state)

    def test_a_forged_cookie(self, browser, platform):
        browser.set_cookie(cookies.STATE, '["x","y","z"].sig', path=f"/oauth/{APPID}/")
        self.refused(browser, platform, "y")

    def test_the_cookie_of_a_person_is_no_state_and_the_other_way_round(self, app, browser, platform):
        state = started(browser)["state"]
        value = browser.get_cookie(cookies.STATE, path=f"/oauth/{APPID}/").value
        with app.test_request_context(headers={"Cookie": f"{cookies.PERSON}={value}"}) as context:
            assert cookies.person_of(context.request) is None
        assert back(browser, state).status_code == 302
        browser.set_cookie(cookies.STATE, browser.get_cookie(cookies.PERSON).value, path=f"/oauth/{APPID}/")
        assert back(browser, "o-lin").status_code == 400

    def test_a_code_that_was_used_at_the_platform(self, browser, platform):
        platform.on(TOKEN, {"errcode": 40163, "errmsg": "code been used"})
        assert back(browser, started(browser)["state"]).status_code == 400
        assert spooled() == [] and browser.get_cookie(cookies.PERSON) is None

    def test_an_id_in_the_address_says_nothing(self, browser, platform):
        state = started(browser)["state"]
        browser.get(f"/oauth/{APPID}/back?code=c&state={state}&openid=o-wang&unionid=u-wang")
        assert [body["openid"] for _, _, body in spooled()] == ["o-lin"]


@pytest.mark.parametrize(("said", "status"), [(Raw(502), 503), ({"errcode": 40125, "errmsg": "x"}, 503)])
def test_a_platform_in_trouble_is_said_and_nothing_is_kept(browser, platform, said, status):
    platform.on(TOKEN, said)
    answer = back(browser, started(browser)["state"])
    assert answer.status_code == status and spooled() == []
    assert OA["secret"] not in answer.text and "code-1" not in answer.text


def test_without_redis_it_works_on(browser, platform):
    here = core()
    here.__dict__["redis"] = type(here.redis).from_url("unix:///nowhere")
    platform.on(TOKEN, BASE)
    assert back(browser, started(browser)["state"]).status_code == 302
    assert len(spooled()) == 1


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example.com/",
        "//evil.example.com",
        "/\\evil.example.com",
        "\\/evil.example.com",
        "/\t/evil.example.com",
        "/\n/evil.example.com",
        "javascript:alert(1)",
        "page",
        "",
        " /page",
        f"/oauth/{APPID}/start",
        "/" + "a" * 600,
    ],
)
def test_it_leads_to_no_other_site(browser, target):
    answer = browser.get(f"/oauth/{APPID}/start", query_string={"next": target})
    assert answer.status_code == 400 and "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["start?scope=snsapi_login", "start?next=%ff%00"])
def test_what_is_not_as_described_is_refused(browser, path):
    assert browser.get(f"/oauth/{APPID}/{path}").status_code == 400


def test_accounts_that_are_not_ours(browser):
    for path in ("start", "back?code=c&state=s"):
        assert browser.get(f"/oauth/wx00000000000000ff/{path}").status_code == 404


def test_one_address_cannot_keep_us_busy(browser):
    answers = [browser.get(f"/oauth/{OTHER}/start").status_code for _ in range(A_MINUTE + 1)]
    assert set(answers[:A_MINUTE]) <= {302} and answers[-1] in (302, 429)  # a minute may have ended
    assert browser.get(f"/oauth/{OTHER}/start").status_code == 429 or answers[-1] == 302
