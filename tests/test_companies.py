"""Binding: what is taken, what is refused and in which words, and that secrets stay sealed."""

import pytest
from sqlalchemy import select, text

from wxtag.app import core
from wxtag.companies import bind, company_named, make_company, opened
from wxtag.database import writing
from wxtag.errors import InputError, NotFound
from wxtag.models import Account, db

AES = "Q2hhbm5lbEtleUZvclNjcm1Db25uZWN0b3JUZXN0MDE"
WECOM = {
    "kind": "wecom",
    "corpid": "ww5A17d0c0ffee0001",
    "agentid": 1000002,
    "secret": "the-secret-of-the-app",
    "token": "Token01",
    "aes_key": AES,
    "name": "小满",
}


def test_binding_again_updates_and_keeps_the_previous_key(app, company):
    with writing() as session:
        first = bind(session, core().sealer, company, WECOM).id
    with writing() as session:
        other = {
            **WECOM,
            "corpid": "WW5a17D0c0ffee0001",
            "aes_key": AES[::-1].replace("=", "A"),
            "name": "新",
        }
        second = bind(session, core().sealer, company, other)
        bound = opened(second, core().sealer)
    assert (second.id, bound.name, bound.previous_aes_key) == (first, "新", AES)
    assert bound.key == "ww5a17d0c0ffee0001"


def test_secrets_are_sealed_in_the_database_and_hidden_in_repr(app, company):
    with writing() as session:
        account = bind(session, core().sealer, company, WECOM)
        shown = repr(opened(account, core().sealer))
    row = db.session.execute(text("SELECT secret, token, aes_key FROM accounts")).one()
    for secret in (WECOM["secret"], WECOM["token"], AES):
        assert secret not in shown
        assert all(secret not in column for column in row)


def test_every_fault_of_a_binding_is_named(app, company):
    document = {
        **WECOM,
        "corpid": "acme",
        "aes_key": "short",
        "token": "no blanks!",
        "colour": "red",
        "agentid": -1,
    }
    with pytest.raises(InputError) as caught, writing() as session:
        bind(session, core().sealer, company, document)
    named = " ".join(caught.value.faults)
    for word in ("corpid", "aes_key has 5", "token", "colour", "agentid"):
        assert word in named
    assert db.session.scalar(select(Account)) is None


def test_an_account_of_another_company_is_refused(app, company):
    with writing() as session:
        bind(session, core().sealer, company, WECOM)
    with pytest.raises(InputError, match="another company"), writing() as session:
        bind(session, core().sealer, make_company(session, core().sealer, "别家"), WECOM)
    assert company_named(db.session(), None).name == "小满茶铺"


def test_which_company_is_meant_must_be_clear(app, company):
    with writing() as session:
        make_company(session, core().sealer, "别家")
    with pytest.raises(NotFound, match="--company"):
        company_named(db.session(), None)
    with pytest.raises(NotFound, match="别家"):
        company_named(db.session(), "没有")
