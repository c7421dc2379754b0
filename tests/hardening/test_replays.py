"""What a stranger can do with callbacks that they have seen: from the door to what follows."""

from collections.abc import Iterator

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select

from callbacks import doors
from config import Settings
from tests.callbacks import playing
from tests.callbacks.playing import AES_KEY, CORP, NOW, OA, OA_COMPATIBLE, OA_PLAIN, TOKEN
from tests.web.town import ONE_DATABASE
from workers.jobs import _meaning, _take_in
from wxtag import clock, companies, inbox, snapshot
from wxtag.app import core, create_core
from wxtag.database import reading, writing
from wxtag.drain import drain
from wxtag.models import Event, Identity, InboxMessage, db
from wxtag.mover import move_once

pytestmark = ONE_DATABASE  # tests/test_inbox.py has both
DAY = 86_400
BOUND = [
    {"kind": "wecom", "corpid": CORP, "agentid": 1000001, "secret": "s", "token": TOKEN, "aes_key": AES_KEY},
    {"kind": "wecom", "corpid": CORP, "agentid": 1000002, "secret": "s", "token": TOKEN, "aes_key": "x" * 43},
    {"kind": "official_account", "appid": OA, "secret": "s", "token": TOKEN, "aes_key": AES_KEY},
    {
        "kind": "official_account",
        "appid": OA_PLAIN,
        "secret": "s",
        "token": TOKEN,
        "aes_key": "",
        "mode": "plain",
    },
    {
        "kind": "official_account",
        "appid": OA_COMPATIBLE,
        "secret": "s",
        "token": TOKEN,
        "aes_key": AES_KEY,
        "mode": "compatible",
    },
]


class Line:
    """The line from the doors to events, with a clock that is set by hand."""

    seconds = NOW

    def __init__(self, app: APIFlask) -> None:
        self.app = app

    def send(self, path: str, asked: dict[str, str], body: bytes) -> int:
        """The door's answer; what it took is worked off."""
        answer = self.app.test_client().post(f"/callbacks/{path}", query_string=asked, data=body)
        move_once(core(), inbox.accept)
        while drain(_meaning, _take_in):
            pass
        return answer.status_code

    def corp(
        self, message: bytes, *, app: int = 1, at: int | None = None, nonce: str = "n", random: str = "0"
    ) -> int:
        encrypted = playing.encrypt(
            message, CORP, AES_KEY if app == 1 else "x" * 43, random=random.encode().ljust(16, b"r")
        )
        asked = playing.query(encrypted, at=self.seconds if at is None else at, nonce=nonce)
        return self.send(f"wecom/{CORP}/{1000000 + app}", asked, playing.wrapped(encrypted))

    def plain(self, message: bytes, *, at: int | None = None, nonce: str = "n") -> int:
        asked = playing.query(at=self.seconds if at is None else at, nonce=nonce)
        return self.send(f"official-account/{OA_PLAIN}", asked, message)

    @property
    def events(self) -> int:
        with reading() as session:
            return session.scalar(select(func.count(Event.id))) or 0

    @property
    def rows(self) -> int:
        with reading() as session:
            return session.scalar(select(func.count(InboxMessage.id))) or 0


@pytest.fixture
def line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    made = create_core(settings)
    made.config[doors.MOVE] = False
    doors.register(made)
    found = Line(made)
    monkeypatch.setattr(clock, "now", lambda: found.seconds * 1000)
    with made.app_context():
        with writing() as session:
            company = companies.make_company(session, core().sealer)
            for document in BOUND:
                companies.bind(session, core().sealer, company, dict(document))
        with reading() as session:
            snapshot.refresh(session, settings, core().sealer)
        yield found
        db.session.remove()
        db.engine.dispose()


ADDED = playing.corp_event()


def test_the_same_request_again_has_one_effect(line: Line) -> None:
    assert [line.corp(ADDED) for _ in range(3)] == [200] * 3
    assert line.events == 1


def test_encrypted_anew_with_another_nonce_and_time_has_one_effect(line: Line) -> None:
    assert line.corp(ADDED) == 200
    assert line.corp(ADDED, at=NOW + 5, nonce="m", random="1") == 200
    assert line.events == 1


def test_to_the_address_of_another_app_of_the_corp_has_one_effect(line: Line) -> None:
    one, other = (playing.corp_event(AgentID=1000000 + app) for app in (1, 2))
    assert [line.corp(one, app=1), line.corp(other, app=2, random="1")] == [200, 200]
    assert line.events == 1


def test_two_events_of_one_second_both_count(line: Line) -> None:
    assert line.corp(ADDED) == line.corp(playing.corp_event(ExternalUserID="wmOTHER")) == 200
    assert line.events == 2


def test_months_later_within_memory_it_has_no_second_effect(line: Line) -> None:
    assert line.corp(ADDED) == 200
    line.seconds += 89 * DAY
    assert line.corp(ADDED, at=NOW) == 200
    assert line.events == 1


def test_beyond_memory_it_is_refused_at_the_door(line: Line) -> None:
    assert line.corp(ADDED) == 200
    line.seconds += 91 * DAY
    with writing() as session:
        inbox.forget_old(session, 90)
    assert line.corp(ADDED, at=NOW) == 403
    assert (line.events, line.rows) == (1, 0)


def test_an_old_message_in_a_fresh_envelope_has_no_effect(line: Line) -> None:
    """A platform that sends again after ages; whoever has the key could do so too."""
    assert line.corp(ADDED) == 200
    line.seconds += 91 * DAY
    with writing() as session:
        inbox.forget_old(session, 90)
    assert line.corp(ADDED, random="1") == 200
    assert line.events == 1


def test_a_clock_that_is_wrong_by_a_day_loses_nothing_in_safe_mode(line: Line) -> None:
    assert line.corp(ADDED, at=NOW - DAY) == 200
    assert line.corp(playing.corp_event(ExternalUserID="wm2", CreateTime=NOW + DAY), at=NOW + DAY) == 200
    assert line.events == 2


class TestPlainMode:
    def test_another_body_under_a_signature_that_was_seen_does_nothing(self, line: Line) -> None:
        assert line.plain(playing.fan_event()) == 200
        assert line.plain(playing.fan_event(FromUserName="oForged")) == 403
        assert (line.events, line.rows) == (1, 1)
        with reading() as session:
            assert session.scalars(select(Identity.value).where(Identity.value == "oForged")).all() == []

    def test_nor_through_another_process_or_after_a_restart(self, line: Line, settings: Settings) -> None:
        assert line.plain(playing.fan_event()) == 200
        other = create_core(settings)
        other.config[doors.MOVE] = False
        doors.register(other)
        asked = playing.query(at=NOW, nonce="n")
        path = f"/callbacks/official-account/{OA_PLAIN}"
        forged = playing.fan_event(FromUserName="oForged")
        assert other.test_client().post(path, query_string=asked, data=forged).status_code == 403

    def test_nor_with_a_signature_of_more_than_an_hour_ago(self, line: Line) -> None:
        assert line.plain(playing.fan_event(), at=NOW - 3601) == 403
        assert line.plain(playing.fan_event(), at=NOW + 3601, nonce="m") == 403
        assert line.rows == 0

    def test_nor_with_encrypt_put_beside_it(self, line: Line) -> None:
        """A plain account must not be talked into reading what a stranger encrypted with nobody's key."""
        encrypted = playing.encrypt(playing.fan_event(FromUserName="oForged"), OA_PLAIN, "A" * 43)
        asked = playing.query(encrypted)
        path = f"official-account/{OA_PLAIN}"
        line.send(path, asked, playing.xml(ToUserName="gh_1", Encrypt=encrypted))
        assert line.events == 0

    def test_the_retry_of_the_platform_is_taken_and_counts_once(self, line: Line) -> None:
        assert [line.plain(playing.fan_event()) for _ in range(3)] == [200] * 3
        assert line.events == 1


class TestCompatibleMode:
    def send(self, line: Line, **beside: str) -> int:
        encrypted = playing.encrypt(playing.fan_event(), OA_COMPATIBLE)
        body = playing.xml(**{"ToUserName": "gh_1", **beside, "Encrypt": encrypted})
        return line.send(f"official-account/{OA_COMPATIBLE}", playing.query(encrypted), body)

    def test_what_stands_in_plain_beside_it_is_not_believed(self, line: Line) -> None:
        forged = {"FromUserName": "oForged", "MsgType": "event", "Event": "subscribe", "CreateTime": str(NOW)}
        assert self.send(line, **forged) == 200
        with reading() as session:
            openids = set(session.scalars(select(Identity.value)))
        assert openids == {"oScrm0_demo-fan-openid-00001"}

    def test_a_forged_plain_part_makes_no_second_effect(self, line: Line) -> None:
        assert self.send(line) == self.send(line, FromUserName="oForged") == 200
        assert line.events == 1

    def test_without_the_encrypted_part_it_is_refused(self, line: Line) -> None:
        asked = playing.query()
        assert line.send(f"official-account/{OA_COMPATIBLE}", asked, playing.fan_event()) == 403
        assert line.rows == 0


def test_the_message_of_one_account_is_nothing_at_another(line: Line) -> None:
    encrypted = playing.encrypt(playing.fan_event(), OA)
    asked, body = playing.query(encrypted), playing.wrapped(encrypted, "gh_1")
    assert line.send(f"official-account/{OA_COMPATIBLE}", asked, body) == 403
    assert line.send(f"official-account/{OA}", asked, body) == 200
    assert line.events == 1
