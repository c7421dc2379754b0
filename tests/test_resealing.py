"""A new key in front, everything sealed anew, the old key gone: and all of it still opens."""

import base64
import contextvars
import json
import typing
from dataclasses import replace

import pytest
from apiflask import APIFlask
from click.testing import Result
from sqlalchemy import select, update

from config import Settings
from tests.arriving import OFFICIAL, WECOM, arrive, bound, wecom_event
from wsgi import create_app
from wxtag import companies, inbox, resealing, snapshot
from wxtag.app import core, create_core
from wxtag.database import reading, writing
from wxtag.events.decoded import Decoded, IdentityKey, NewLink
from wxtag.identities import PHONE
from wxtag.models import Account, Base, Company, Identity, InboxMessage, db
from wxtag.models.base import Sealed
from wxtag.resealing import TEXTS, reseal
from wxtag.resolve import apply
from wxtag.sealing import Sealer
from wxtag.spooling import SpoolRecord

OLD, NEW = "the old key of an operator, long enough", "the new key of an operator, long enough"
NUMBER = "+8613800138000"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, secret_key=OLD)


@pytest.fixture
def filled(app: APIFlask, company: Company) -> Company:
    """Two accounts (one with a key before its key), a phone, sealed and unsealed messages, a snapshot."""
    corp, mini = bound(company, WECOM), bound(company, OFFICIAL)
    bound(company, {**OFFICIAL, "aes_key": "b" * 43})
    key = IdentityKey("openid", mini.key, "o-lin")
    with writing() as session:
        apply(
            session,
            company.id,
            Decoded(links=[NewLink(key, IdentityKey("phone", "", NUMBER), "mini_phone")]),
            1,
        )
    arrive(corp, wecom_event("add_external_contact"))
    for number in range(5):
        body = json.dumps({"openid": "o-lin", "n": number}).encode()
        one = SpoolRecord(mini.id, company.id, "mini", body, 1, event="login")
        inbox.accept([(f"mini:{number}", one)])
    with reading() as session:
        snapshot.refresh(session, core().settings, core().sealer)
    return company


def check(key: str, company_id: int) -> None:
    """Everything opens with this key alone."""
    sealer = Sealer(key)
    db.session.rollback()
    corp, fans = companies.all_opened(db.session(), sealer)
    assert (corp.secret, fans.secret, fans.previous_aes_key) == (
        WECOM["secret"],
        OFFICIAL["secret"],
        OFFICIAL["aes_key"],
    )
    sealed = db.session.scalars(select(Identity.sealed).where(Identity.kind == "phone")).one()
    assert sealed is not None and sealer.open(sealed, PHONE) == NUMBER
    bodies = [
        json.loads(sealer.open_bytes(body, inbox.SEAL))["n"]
        for body in db.session.scalars(
            select(InboxMessage.body).where(InboxMessage.sealed.is_(True)).order_by(InboxMessage.id)
        )
    ]
    assert bodies == list(range(5))
    company = db.session.get(Company, company_id)
    assert company is not None and len(companies.hash_key(company, sealer)) == 32
    assert len(snapshot.Snapshot(core().settings, sealer).accounts()) == 2


def command(app: APIFlask) -> Result:
    """In a context of its own, as in another terminal."""
    runner = app.test_cli_runner()
    return contextvars.Context().run(lambda: runner.invoke(args=["keys", "reseal"]))


def test_rotating_from_end_to_end(filled: Company, settings: Settings) -> None:
    company_id, before = filled.id, companies.hash_key(filled, core().sealer)
    plain = db.session.scalars(select(InboxMessage.body).where(InboxMessage.sealed.is_(False))).one()
    rotated = create_app(replace(settings, secret_key=f"{NEW},{OLD}"))
    answer = command(rotated)
    assert answer.exit_code == 0, answer.output
    assert "7 of accounts, 1 of companies, 1 of identities, 5 of inbox_messages" in answer.output
    check(NEW, company_id)
    with create_core(replace(settings, secret_key=NEW)).app_context():
        company = db.session.get(Company, company_id)
        assert company is not None and companies.hash_key(company, core().sealer) == before
        assert (
            db.session.scalars(select(InboxMessage.body).where(InboxMessage.sealed.is_(False))).one() == plain
        )
        db.session.remove()
        db.engine.dispose()
    again = command(rotated)
    assert again.exit_code == 0 and "nothing" in again.output
    with rotated.app_context():
        db.session.remove()
        db.engine.dispose()


def test_it_goes_on_where_it_was_killed(filled: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "CHUNK", 2)
    sealer, steps = Sealer(f"{NEW},{OLD}"), []

    def dies(done: int, total: int) -> None:
        steps.append((done, total))
        if len(steps) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reseal(sealer, dies)
    assert steps[-1] == (5, 14)
    rest = reseal(sealer)
    assert sum(rest.done.values()) == 14 - 5 and rest.broken == []
    with reading() as session:
        snapshot.refresh(session, core().settings, sealer)
    check(NEW, filled.id)


def test_what_is_bound_meanwhile_is_not_undone(filled: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fresh = resealing._anew, core().sealer.seal("a newer secret", companies.SECRET)
    bound_anew: list[object] = []

    def meanwhile(sealer: Sealer, sealed: object, purpose: str) -> object:
        if purpose == companies.SECRET and not bound_anew:
            bound_anew.append(db.session().execute(update(Account).values(secret=fresh)))
        return real(sealer, sealed, purpose)

    monkeypatch.setattr(resealing, "_anew", meanwhile)
    reseal(Sealer(f"{NEW},{OLD}"))
    opened = [
        Sealer(f"{NEW},{OLD}").open(secret, companies.SECRET)
        for secret in db.session.scalars(select(Account.secret))
    ]
    assert opened == ["a newer secret"] * 2


def test_what_cannot_be_opened_is_named_and_the_rest_is_done(filled: Company) -> None:
    with writing() as session:
        session.execute(
            update(Identity)
            .where(Identity.kind == "phone")
            .values(sealed=Sealer("x" * 40).seal(NUMBER, PHONE))
        )
    result = reseal(Sealer(f"{NEW},{OLD}"))
    assert len(result.broken) == 1 and result.broken[0].startswith("identities ")
    assert NUMBER not in result.broken[0] and sum(result.done.values()) == 13


def test_every_sealed_column_is_in_the_table() -> None:
    """A column that is sealed elsewhere, and forgotten here, would be lost with the old key."""
    found = set()
    for mapper in Base.registry.mappers:
        for name, hint in mapper.class_.__annotations__.items():
            if Sealed in [
                hint,
                *typing.get_args(hint),
                *[a for g in typing.get_args(hint) for a in typing.get_args(g)],
            ]:
                found.add((mapper.class_.__tablename__, name))
    assert found == {(column.class_.__tablename__, column.key) for column, _ in TEXTS}


def test_the_marks_are_how_sealed_things_begin() -> None:
    for key in (OLD, NEW):
        sealer = Sealer(key)
        sealed = sealer.seal("x", "p")
        assert sealed.startswith(sealer.text_mark) and base64.b64decode(sealed).startswith(sealer.mark)
    assert Sealer(OLD).text_mark != Sealer(NEW).text_mark
    assert Sealer(f"{NEW},{OLD}").mark == Sealer(NEW).mark


def test_the_doors_snapshot_follows_by_itself(filled: Company, settings: Settings) -> None:
    sealer = Sealer(f"{NEW},{OLD}")
    with reading() as session:
        snapshot.refresh(session, settings, sealer)
    assert len(snapshot.Snapshot(settings, Sealer(NEW)).accounts()) == 2
