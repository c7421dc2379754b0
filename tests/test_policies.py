"""What a company decides about unfollowers, the night that does it, the commands, the copy of the events."""

import json

import duckdb
import pytest
from apiflask import APIFlask
from sqlalchemy import select, update

from tests.arriving import arrive, fan_event
from tests.callbacks import playing
from tests.town import PHONE, Town
from wxtag import clock, nightly
from wxtag.app import core
from wxtag.commands import register
from wxtag.database import writing
from wxtag.errors import InputError
from wxtag.models import Base, Company, Erased, Identity, db
from wxtag.privacy import policies
from wxtag.tags import mirror
from wxtag.tags.kind import Moment


@pytest.fixture
def town(app, company):
    made = Town(company)
    made.comes()
    return made


DAY = 86_400_000


def policy(town, act="anonymise", days=30):
    with writing() as session:
        policies.set_unsubscribed(session, session.get(Company, town.id), act, days)


def unfollows(town, openid="oLin"):
    arrive(town.oa, fan_event("unsubscribe", openid=openid, at=playing.NOW + 10))
    town.works()


def night(town, days):
    return policies.forget_unsubscribed(town.id, (playing.NOW + 10) * 1000 + days * DAY)


def test_whoever_unfollows_is_kept_unless_the_company_decides_otherwise(town):
    unfollows(town)
    assert night(town, 4000) == 0
    policy(town, "keep", None)
    assert night(town, 4000) == 0
    assert "oLin" in town.ids()


def test_by_policy_that_openid_goes_after_so_many_days_and_nothing_else(town):
    policy(town)
    unfollows(town)
    assert night(town, 29) == 0
    assert night(town, 31) == 1
    assert town.ids() == {"oWang", "oMini", "uLin", "wmLin", "phone"}
    assert "oLin" not in town.everything()
    assert db.session.scalars(select(Erased)).one().cause == "unsubscribed"
    assert night(town, 31) == 0


def test_whoever_followed_again_stays(town):
    policy(town)
    unfollows(town)
    arrive(town.oa, fan_event("subscribe", at=playing.NOW + 20), at=(playing.NOW + 20) * 1000)
    town.works()
    assert night(town, 4000) == 0
    assert "oLin" in town.ids()


def test_the_night_does_it(town, monkeypatch):
    policy(town)
    unfollows(town)
    with writing() as session:
        session.execute(update(Company).values(created_at=1))
    then = (playing.NOW + 10) * 1000 + 31 * DAY
    monkeypatch.setattr(clock, "now", lambda: then)
    assert nightly.run(then) == 1
    assert "oLin" not in town.ids()


@pytest.mark.parametrize("act", ["forget", "", "anonymise"])
def test_a_policy_that_is_none_is_refused(town, act):
    with pytest.raises(InputError, match=r"--unsubscribed|--days"):
        policy(town, act, None)


def command(app, *words, **more):
    register(app)
    return app.test_cli_runner().invoke(args=list(words), **more)


def test_the_command_shows_and_sets_the_policy(app: APIFlask, town):
    assert json.loads(command(app, "company", "policy").output) == {"unsubscribed": {"do": "keep"}}
    set_to = command(app, "company", "policy", "--unsubscribed", "anonymise", "--days", "30")
    assert json.loads(set_to.output) == {"unsubscribed": {"do": "anonymise", "days": 30}}
    assert json.loads(command(app, "company", "policy").output)["unsubscribed"]["days"] == 30
    wrong = command(app, "company", "policy", "--unsubscribed", "anonymise")
    assert wrong.exit_code == 1
    assert "--days" in wrong.output


def test_the_command_erases_a_customer_and_says_whose_contact_is_left(app: APIFlask, town):
    customer = town.customer("oLin")
    refused = command(app, "customer", "erase", str(customer), input="n\n")
    assert refused.exit_code == 1
    assert "oLin" in town.ids()
    done = command(app, "customer", "erase", str(customer), "--yes")
    assert done.exit_code == 0, done.output
    assert "still a WeCom contact of Zhao" in done.output
    assert town.ids() == {"oWang", "wmLin"}
    assert PHONE not in done.output
    again = command(app, "customer", "erase", str(customer), "--yes")
    assert (again.exit_code, "no customer" in again.output) == (1, True)


def test_the_nights_copy_of_the_events_forgets_them_too(town, monkeypatch):
    monkeypatch.setattr(mirror, "TAIL", 1)
    moment = Moment(clock.now(), core().settings.zone)

    def copied():
        with mirror.see_everyone(town.id, moment) as seen:
            whose = seen.duck.execute("SELECT DISTINCT identity_id FROM events").fetchall()
        return {one for (one,) in whose}

    lin = db.session.scalars(select(Identity.id).where(Identity.value == "oLin")).one()
    assert lin in copied()
    assert mirror._parts(mirror._folder(town.id)), "some are in the copy"
    town.cancels(town.oa, "oLin")
    town.works()
    assert lin not in copied()
    parts = mirror._parts(mirror._folder(town.id))
    assert all(
        duckdb.sql(f"SELECT count(*) FROM '{part}' WHERE identity_id = {lin}").fetchall() == [(0,)]
        for part in parts
    )


def test_every_column_that_names_a_person_is_a_foreign_key_or_known():
    """Deleting follows foreign keys: what names an id without one must be looked after by hand."""
    by_hand = {
        ("history", "customer_id"),
        ("history", "follow_user_id"),
        ("touched", "customer_id"),
        ("identities", "home_id"),
    }
    names = ("identity_id", "customer_id", "follow_user_id", "low_id", "high_id", "home_id")
    found = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith(names) and not column.foreign_keys
    }
    assert found == by_hand
