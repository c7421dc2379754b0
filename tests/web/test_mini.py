"""The addresses for mini-programs, against a platform that answers over HTTP, into a real spool."""

import json
import time
from dataclasses import replace

import pytest

from tests.conftest import SECRET_KEY
from tests.platforms.scripted import Platform
from tests.web.town import ONE_DATABASE
from wxtag import clock, companies, snapshot
from wxtag.app import core, create_core
from wxtag.database import writing
from wxtag.mover import move_once
from wxtag.sealing import Sealer
from wxtag.web import pages
from wxtag.web.miniapp import doors, tokens

pytestmark = ONE_DATABASE  # these addresses work without any

MINI = {
    "kind": "mini_program",
    "appid": "wx5a17d0c0ffee0b01",
    "secret": "mini-secret-0123456789",
    "token": "Token01",
    "aes_key": "Q2hhbm5lbEtleUZvclNjcm1Db25uZWN0b3JUZXN0MDE",
    "mode": "safe",
    "format": "json",
    "name": "小满点单",
}
APPID = MINI["appid"]
OPENID = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"
LOGIN, PHONE, TOKEN = "/sns/jscode2session", "/wxa/business/getuserphonenumber", "/cgi-bin/stable_token"


@pytest.fixture
def platform():
    found = Platform()
    yield found
    found.stop()


@pytest.fixture
def settings(settings, platform, redis_url):
    return replace(settings, wechat_api_url=platform.url, redis_url=redis_url)


@pytest.fixture
def mini(app, company, client):
    """The client, with a mini-program bound."""
    with writing() as session:
        companies.bind(session, core().sealer, company, MINI)
        accounts = companies.all_opened(session, core().sealer)
    snapshot.write(core().settings, core().sealer, accounts)
    return client


def spooled():
    """What waits in the spool, taken out of it."""
    found = []
    move_once(core(), lambda records: found.extend(record for _, record in records) or len(records))
    return [(record.source, record.event, json.loads(record.body)) for record in found]


def post(client, path, body, token=None, appid=APPID, **more):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.open(f"/mini/{appid}/{path}", method="POST", json=body, headers=headers | more)


@pytest.fixture
def session_token(app):
    return tokens.make_token(APPID, OPENID)


def test_login_answers_a_token_and_keeps_the_ids_alone(mini, platform, caplog):
    platform.on(LOGIN, {"openid": OPENID, "unionid": "u-1", "session_key": "SessionKeyOfLin=="})
    answer = post(mini, "login", {"code": "code-1"})
    assert answer.status_code == 200 and answer.json["roles"] == []
    assert tokens.openid_of(answer.json["token"], APPID) == OPENID
    ((source, event, body),) = spooled()
    assert (source, event, body["openid"], body["unionid"]) == ("mini", "login", OPENID, "u-1")
    assert abs(body["at"] - clock.now()) < 60_000
    for said in (answer.text, json.dumps(body), caplog.text):
        assert "SessionKey" not in said and MINI["secret"] not in said


def test_login_works_while_the_database_is_down(mini, platform, settings, tmp_path):
    platform.on(LOGIN, {"openid": OPENID})
    away = create_core(replace(settings, database_url="mysql+pymysql://nobody@127.0.0.1:1/none"))
    pages.register(away)
    answer = away.test_client().post(f"/mini/{APPID}/login", json={"code": "code-1"})
    assert answer.status_code == 200, answer.text
    assert spooled()[0][2] == {"openid": OPENID, "at": spooled_at(answer)}


def spooled_at(_answer):
    class Recent(int):
        def __eq__(self, other):
            return abs(other - clock.now()) < 60_000

        __hash__ = int.__hash__

    return Recent()


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"errcode": 40029, "errmsg": "invalid code"}, 400, "bad_code"),
        ({"errcode": 40163, "errmsg": "code been used"}, 400, "bad_code"),
        ({"errcode": -1, "errmsg": "system error"}, 503, "unavailable"),
        ({"errcode": 40013, "errmsg": "invalid appid"}, 503, "unavailable"),
    ],
)
def test_what_the_platform_refuses_is_said_in_chinese(mini, platform, said, status, code):
    platform.on(LOGIN, said)
    answer = post(mini, "login", {"code": "code-1"})
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in answer.json["error"]["message"])
    assert spooled() == []


def test_a_verified_phone_is_kept_and_answered_masked(mini, platform, session_token):
    platform.on(TOKEN, {"access_token": "at", "expires_in": 7200})
    found = {"phoneNumber": "13800138000", "purePhoneNumber": "13800138000", "countryCode": "86"}
    platform.on(PHONE, {"errcode": 0, "phone_info": {**found, "watermark": {"appid": APPID}}})
    answer = post(mini, "phone", {"code": "p-1"}, session_token)
    assert answer.json == {"phone": "+86138****8000"}
    ((_, event, body),) = spooled()
    assert (event, body["openid"], body["phone"]) == ("phone", OPENID, "+8613800138000")


@pytest.mark.parametrize("number", ["4001234567", "075512345678", "1380013800"])
def test_a_phone_that_is_nobodys_own_is_refused(mini, platform, session_token, number):
    platform.on(TOKEN, {"access_token": "at", "expires_in": 7200})
    found = {"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86"}
    platform.on(PHONE, {"errcode": 0, "phone_info": {**found, "watermark": {"appid": APPID}}})
    answer = post(mini, "phone", {"code": "p-1"}, session_token)
    assert answer.status_code == 422 and number not in answer.text
    assert spooled() == []


def test_reports_are_kept_with_their_times_in_order(mini, session_token):
    now = clock.now()
    ahead = clock.iso(now + 86_400_000, core().settings.zone)
    before = clock.iso(now - 3_600_000, core().settings.zone)
    events = [
        {"kind": "launch", "scene": 1047, "path": "pages/index", "channel": "store-017", "time": before},
        {"kind": "page", "path": "pages/tea", "time": ahead},
        {"kind": "device", "brand": "HUAWEI", "model": "Mate 60"},
        {"kind": "location", "latitude": 30.25, "longitude": 120},
    ]
    answer = post(mini, "events", {"events": events}, session_token, **{"User-Agent": "MicroMessenger"})
    assert answer.json == {"taken": 4}, answer.text
    ((_, event, body),) = spooled()
    assert (event, body["openid"], body["user_agent"], body["ip"]) == (
        "events",
        OPENID,
        "MicroMessenger",
        "127.0.0.1",
    )
    assert body["events"][0]["at"] == clock.parse_iso(before, core().settings.zone)
    assert body["events"][1]["at"] <= clock.now()
    assert body["events"][3] == {
        "kind": "location",
        "latitude": 30.25,
        "longitude": 120,
        "at": body["events"][3]["at"],
    }


@pytest.mark.parametrize(
    "events",
    [
        [],
        [{"kind": "page", "path": "p"}] * 101,
        [{"kind": "page"}],
        [{"kind": "spy", "path": "p"}],
        [{"kind": "page", "path": "p", "openid": "somebody-else"}],
        [{"kind": "location", "latitude": 91, "longitude": 1}],
        [{"kind": "location", "latitude": "30", "longitude": 1}],
        [{"kind": "page", "path": "p", "time": "2001-01-01T00:00:00Z"}],
        [{"kind": "page", "path": "p", "time": "soon"}],
        [{"kind": "page", "path": "p" * 191}],
        "page",
    ],
)
def test_reports_that_are_not_right_are_refused_whole(mini, session_token, events):
    answer = post(mini, "events", {"events": events}, session_token)
    assert answer.status_code == 422, answer.text
    assert set(answer.json["error"]) == {"code", "message", "fields"} and answer.json["error"]["fields"]
    assert spooled() == []


def test_who_it_is_comes_from_our_token_alone(mini, session_token, monkeypatch):
    other = tokens.make_token("wx0000000000000000", OPENID)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 8 * 86_400)
    old = tokens.make_token(APPID, OPENID)
    monkeypatch.setattr(time, "time", real)
    body = {"events": [{"kind": "launch"}]}
    for token in (None, "forged", session_token[:-2], other, old):
        assert post(mini, "events", body, token).status_code == 401
    assert spooled() == []
    assert post(mini, "events", body, session_token).status_code == 200


def test_a_session_ends_with_the_key_that_signed_it(mini, session_token):
    here = core()
    here.__dict__["sealer"] = Sealer("another key of an operator, long enough," + SECRET_KEY)
    assert post(mini, "events", {"events": [{"kind": "launch"}]}, session_token).status_code == 401
    assert spooled() == []


def test_nobody_is_somebody_else_by_saying_so(mini, session_token, platform):
    platform.on(TOKEN, {"access_token": "at", "expires_in": 7200})
    body = {"events": [{"kind": "launch"}], "openid": "o-wang"}
    assert post(mini, "events", body, session_token).status_code == 422
    assert post(mini, "phone", {"code": "p-1", "phone": "13900139000"}, session_token).status_code == 422
    assert post(mini, "login", {"code": "c", "openid": "o-wang"}).status_code == 422
    assert platform.count(LOGIN) == platform.count(PHONE) == 0
    answer = post(mini, "events?openid=o-wang", {"events": [{"kind": "launch"}]}, session_token)
    assert answer.status_code == 200 and [body["openid"] for _, _, body in spooled()] == [OPENID]


def test_guessed_codes_do_not_keep_the_platform_busy(mini, platform, monkeypatch):
    monkeypatch.setattr(clock, "monotonic", lambda: 0.0)
    platform.on(LOGIN, {"errcode": 40029, "errmsg": "invalid code"})
    answers = [post(mini, "login", {"code": f"guess-{n}"}).status_code for n in range(doors.BAD_LOGINS + 5)]
    assert answers == [400] * doors.BAD_LOGINS + [429] * 5
    assert platform.count(LOGIN) == doors.BAD_LOGINS
    elsewhere = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.7"}}
    assert (
        mini.open(f"/mini/{APPID}/login", method="POST", json={"code": "c"}, **elsewhere).status_code == 400
    )
    monkeypatch.setattr(clock, "monotonic", lambda: 60.0)
    assert post(mini, "login", {"code": "c"}).status_code == 400


def test_one_person_cannot_run_up_the_bill_for_phones(mini, platform, session_token, monkeypatch):
    monkeypatch.setattr(clock, "monotonic", lambda: 0.0)
    platform.on(TOKEN, {"access_token": "at", "expires_in": 7200})
    platform.on(PHONE, {"errcode": 40029, "errmsg": "invalid code"})
    answers = [post(mini, "phone", {"code": "p"}, session_token).status_code for _ in range(doors.PHONES + 2)]
    assert answers == [400] * doors.PHONES + [429] * 2 and platform.count(PHONE) == doors.PHONES
    other = tokens.make_token(APPID, "o-wang")
    assert post(mini, "phone", {"code": "p"}, other).status_code == 400
    reports = {"events": [{"kind": "launch"}]}
    answers = [post(mini, "events", reports, other).status_code for _ in range(doors.REPORTS + 1)]
    assert answers == [200] * doors.REPORTS + [429]


def test_what_is_not_bound_too_large_or_no_json_is_refused(mini, session_token):
    assert post(mini, "login", {"code": "c"}, appid="wx00000000000000ff").status_code == 404
    assert post(mini, "login", {"code": "c" * 70_000}).status_code == 413
    assert post(mini, "login", {"code": 5}).status_code == 422
    broken = mini.open(f"/mini/{APPID}/login", method="POST", data=b"{")
    assert broken.status_code == 400 and set(broken.json["error"]) == {"code", "message", "fields"}


def test_when_nothing_can_be_kept_the_answer_is_503(mini, platform, session_token):
    (core().settings.data_dir / "spool").write_text("a file where the folder should be")
    answer = post(mini, "events", {"events": [{"kind": "launch"}]}, session_token)
    assert answer.status_code == 503
    assert any("\u4e00" <= letter <= "\u9fff" for letter in answer.json["error"]["message"])
