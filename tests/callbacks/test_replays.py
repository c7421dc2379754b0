"""Ages and repetitions: what a stranger can do with a callback that they have seen."""

from pathlib import Path

import pytest
from apiflask import APIFlask

from callbacks.nonces import FILE, PRUNE_EVERY, Nonces
from config import Settings
from tests.callbacks.conftest import doors_of, kept
from tests.callbacks.playing import CORP, NOW, OA_PLAIN, corp_event, encrypt, fan_event, query, wrapped
from wxtag.errors import Unavailable

pytestmark = pytest.mark.usefixtures("time_stands")
DAY = 86_400


def plain(app: APIFlask, body: bytes = b"", *, at: int = NOW, nonce: str = "n0nce") -> int:
    address = f"/callbacks/official-account/{OA_PLAIN}"
    return (
        app.test_client()
        .post(address, query_string=query(at=at, nonce=nonce), data=body or fan_event())
        .status_code
    )


def safe(app: APIFlask, at: int) -> int:
    sent = encrypt(corp_event(), CORP)
    return (
        app.test_client()
        .post(f"/callbacks/wecom/{CORP}", query_string=query(sent, at=at), data=wrapped(sent))
        .status_code
    )


class TestPlainMode:
    def test_the_same_body_again_is_the_platforms_retry(self, app: APIFlask) -> None:
        assert [plain(app), plain(app)] == [200, 200]
        assert len(kept(app)) == 2

    def test_another_body_under_one_nonce_is_forged(self, app: APIFlask) -> None:
        assert plain(app) == 200
        assert plain(app, fan_event(Event="unsubscribe")) == 403
        assert plain(app) == 200
        assert plain(app, fan_event(Event="unsubscribe"), nonce="fresh") == 200
        assert plain(app, fan_event(Event="unsubscribe"), at=NOW + 1) == 200
        assert len(kept(app)) == 4

    def test_another_process_and_a_restart_remember(self, app: APIFlask, settings: Settings) -> None:
        assert plain(app) == 200
        assert plain(doors_of(settings), fan_event(Event="unsubscribe")) == 403

    @pytest.mark.parametrize(
        ("off", "max_age", "status"),
        [(-3600, 3600, 200), (-3601, 3600, 403), (3600, 3600, 200), (3601, 3600, 403), (-50 * DAY, 0, 200)],
    )
    def test_age(self, settings: Settings, off: int, max_age: int, status: int) -> None:
        app = doors_of(settings, callback_max_age=max_age)
        assert plain(app, at=NOW + off) == status
        assert len(kept(app)) == (status == 200)

    def test_a_memory_that_cannot_be_written_is_no_yes(self, app: APIFlask, settings: Settings) -> None:
        (settings.data_dir / FILE).mkdir()
        assert plain(app) == 503 and kept(app) == []


class TestOlderThanOurMemory:
    @pytest.mark.parametrize(
        ("off", "days", "status"),
        [
            (-90 * DAY, 90, 200),
            (-90 * DAY - 1, 90, 403),
            (-8 * DAY, 7, 403),
            (-9000 * DAY, 0, 200),
            (+2 * DAY, 90, 200),
        ],
    )
    def test_age_in_safe_mode(self, settings: Settings, off: int, days: int, status: int) -> None:
        assert safe(doors_of(settings, inbox_days=days), NOW + off) == status

    def test_plain_mode_too_when_any_age_is_taken(self, settings: Settings) -> None:
        assert plain(doors_of(settings, callback_max_age=0), at=NOW - 91 * DAY) == 403


class TestNonces:
    @pytest.fixture
    def nonces(self, settings: Settings) -> Nonces:
        return Nonces(settings)

    def test_accounts_do_not_meet(self, nonces: Nonces) -> None:
        assert nonces.first_or_same(1, NOW, "n", b"a", NOW)
        assert nonces.first_or_same(2, NOW, "n", b"b", NOW)
        assert not nonces.first_or_same(1, NOW, "n", b"b", NOW)

    def test_forgets_only_what_its_age_would_refuse(self, nonces: Nonces, settings: Settings) -> None:
        nonces.first_or_same(1, NOW, "n", b"a", NOW)
        later = NOW + settings.callback_max_age
        assert not nonces.first_or_same(1, NOW, "n", b"b", later)
        much_later = later + DAY + PRUNE_EVERY + 1
        nonces.first_or_same(1, much_later, "other", b"a", much_later)
        assert nonces.first_or_same(1, NOW, "n", b"b", much_later)

    def test_goes_on_after_a_fault(self, nonces: Nonces, settings: Settings) -> None:
        path: Path = settings.data_dir / FILE
        path.mkdir()
        with pytest.raises(Unavailable):
            nonces.first_or_same(1, NOW, "n", b"a", NOW)
        path.rmdir()
        assert nonces.first_or_same(1, NOW, "n", b"a", NOW)

    def test_a_damaged_memory_is_begun_anew(self, nonces: Nonces, settings: Settings) -> None:
        (settings.data_dir / FILE).write_bytes(b"no database at all" * 100)
        with pytest.raises(Unavailable):
            nonces.first_or_same(1, NOW, "n", b"a", NOW)
        assert nonces.first_or_same(1, NOW, "n", b"a", NOW)
        assert not nonces.first_or_same(1, NOW, "n", b"b", NOW)
