"""Where the doors know accounts from: the snapshot, and the database for what that lacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask

from callbacks import bindings, doors
from config import Settings
from tests.callbacks.conftest import DOWN, kept
from tests.callbacks.playing import CORP, NOW, OA, TOKEN, corp_event, encrypt, fan_event, query, wrapped
from tests.conftest import SECRET_KEY
from wxtag import clock, snapshot
from wxtag.app import core, create_core
from wxtag.companies import bind, make_company
from wxtag.database import writing
from wxtag.models import Company, db

SAFE = {
    "kind": "official_account",
    "appid": OA,
    "secret": "s",
    "token": TOKEN,
    "aes_key": "x" * 43,
    "mode": "plain",
}


@pytest.fixture
def app(database_url: str, tmp_path: Path, time_stands: None) -> Iterator[APIFlask]:
    """The doors with a database that is up, and no snapshot."""
    settings = Settings(
        database_url=database_url, redis_url="unix:///nowhere", secret_key=SECRET_KEY, data_dir=tmp_path
    )
    app = create_core(settings)
    app.config[doors.MOVE] = False
    doors.register(app)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def bound(document: dict[str, object] = SAFE) -> None:
    with writing() as session:
        company = session.query(Company).first() or make_company(session, core().sealer)
        bind(session, core().sealer, company, document)


def sent(app: APIFlask, token: str = TOKEN, nonce: str = "n") -> int:
    address = f"/callbacks/official-account/{OA}"
    answer = app.test_client().post(address, query_string=query(token=token, nonce=nonce), data=fan_event())
    return answer.status_code


def test_an_account_that_only_the_database_knows(app: APIFlask) -> None:
    assert sent(app) == 403
    bound()
    assert sent(app) == 200
    assert len(kept(app)) == 1
    found = snapshot.Snapshot(core().settings, core().sealer).find("official_account", OA)
    assert [account.token for account in found] == [TOKEN]


def test_the_snapshot_alone_is_enough_from_then_on(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    bound()
    assert sent(app) == 200
    monkeypatch.setattr(bindings, "reading", lambda: pytest.fail("the database was asked"))
    assert sent(app, nonce="m") == 200


def test_keys_that_were_changed_elsewhere(app: APIFlask) -> None:
    bound()
    assert sent(app) == 200
    bound({**SAFE, "token": "changed"})
    assert sent(app, token="changed") == 200


def test_forgers_cannot_make_us_ask_the_database_all_the_time(
    app: APIFlask, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound()
    sent(app)
    asked = []
    real = snapshot.refresh
    monkeypatch.setattr(snapshot, "refresh", lambda *args: asked.append(1) or real(*args))
    for number in range(20):
        assert sent(app, token="guess", nonce=str(number)) == 403
    assert len(asked) <= 2


def test_a_new_app_of_a_known_corp(app: APIFlask) -> None:
    wecom = {
        "kind": "wecom",
        "corpid": CORP.upper(),
        "agentid": 1,
        "secret": "s",
        "token": "one",
        "aes_key": "x" * 43,
    }
    bound(wecom)
    ciphertext = encrypt(corp_event(), CORP, "x" * 43)

    def ask(token: str, path: str) -> int:
        return (
            app.test_client()
            .post(
                f"/callbacks/wecom/{path}",
                query_string=query(ciphertext, token=token),
                data=wrapped(ciphertext),
            )
            .status_code
        )

    assert ask("one", CORP) == 200
    bound({**wecom, "agentid": 2, "token": "two"})
    assert ask("two", f"{CORP}/2") == 200
    assert ask("two", CORP) == 200


def test_unknown_and_the_database_down_is_sent_again(
    tmp_path: Path, time_stands: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_core(Settings(database_url=DOWN, secret_key=SECRET_KEY, data_dir=tmp_path))
    app.config[doors.MOVE] = False
    doors.register(app)
    client = app.test_client()
    answer = client.post(f"/callbacks/official-account/{OA}", query_string=query(), data=fan_event())
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    # The next ones do not wait for a connection that just failed.
    monkeypatch.setattr(bindings, "reading", lambda: pytest.fail("asked again at once"))
    assert client.post(f"/callbacks/official-account/{OA}", data=fan_event()).status_code == 503
    assert kept(app) == []


def test_nothing_durable_is_sent_again(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    bound()
    with monkeypatch.context() as patched:
        patched.setattr("os.pwrite", full)
        assert sent(app) == 503
    assert sent(app) == 200
    assert len(kept(app)) == 1
    assert clock.now() == NOW * 1000


def test_a_flood_of_made_up_addresses_does_not_reach_the_database(
    app: APIFlask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    refresh = snapshot.refresh
    monkeypatch.setattr(snapshot, "refresh", lambda *given: asked.append(1) or refresh(*given))
    for number in range(100):
        address = f"/callbacks/official-account/wx{number:016x}"
        answer = app.test_client().post(address, query_string=query(nonce=str(number)), data=fan_event())
        assert answer.status_code == 403
    assert len(asked) <= 2 * bindings.MOST
    later = clock.monotonic() + 2
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    bound()
    assert sent(app) == 200
