"""The night: once a local day, also when the machine was off at 03:00, never by two at once."""

import pytest
from sqlalchemy import select, update

from wxtag import clock, nightly
from wxtag.database import writing
from wxtag.leases import lease
from wxtag.models import Company, NightlyRun, db


def local(text):
    from wxtag.app import core

    return clock.parse_iso(text, core().settings.zone)


@pytest.fixture
def old_company(company):
    with writing() as session:
        session.execute(update(Company).values(created_at=local("2026-01-01T12:00:00")))
    return company


@pytest.fixture
def at(monkeypatch, app):
    """Sets the clock to a local time."""

    def set_to(text):
        moment = local(text)
        monkeypatch.setattr(clock, "now", lambda: moment)
        return moment

    return set_to


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-02T02:59:59", "2026-03-01"),
        ("2026-03-02T03:00:00", "2026-03-02"),
        ("2026-03-02T23:59:59", "2026-03-02"),
        ("2026-03-01T18:59:59+00:00", "2026-03-01"),
        ("2026-03-01T19:00:00+00:00", "2026-03-02"),
    ],
)
def test_the_night_begins_at_three_local_time(app, moment, day):
    assert nightly.due_day(local(moment)) == day


def test_a_night_is_done_once(old_company, at):
    now = at("2026-03-02T03:00:01")
    assert nightly.due(db.session(), now) == [old_company.id]
    assert (nightly.run(now), nightly.run(now)) == (1, 0)
    later = at("2026-03-02T15:00:00")
    assert nightly.due(db.session(), later) == []
    assert nightly.due(db.session(), at("2026-03-03T03:00:00")) == [old_company.id]
    assert [row.state for row in db.session.scalars(select(NightlyRun))] == ["done"]


def test_a_machine_that_was_off_at_three_catches_up_once(old_company, at):
    nightly.run(at("2026-03-01T03:00:00"))
    assert nightly.run(at("2026-03-04T11:30:00")) == 1
    assert sorted(db.session.scalars(select(NightlyRun.day))) == ["2026-03-01", "2026-03-04"]


def test_a_company_of_today_waits_for_its_first_night(old_company, at):
    with writing() as session:
        session.execute(update(Company).values(created_at=local("2026-03-02T09:00:00")))
    assert nightly.due(db.session(), at("2026-03-02T10:00:00")) == []
    assert nightly.due(db.session(), at("2026-03-03T03:00:00")) == [old_company.id]


def test_two_never_do_one_night(old_company, at):
    now = at("2026-03-02T03:00:01")
    with lease(f"nightly:{old_company.id}", 600_000) as held:
        assert held is not None
        assert nightly.due(db.session(), now) == []
        assert nightly.run(now) == 0


def test_a_night_that_failed_is_tried_again_later(old_company, at, monkeypatch):
    def broken(*_arguments):
        raise RuntimeError("no disk")

    compute_all = nightly.engine.compute_all
    monkeypatch.setattr(nightly.engine, "compute_all", broken)
    with pytest.raises(RuntimeError):
        nightly.run(at("2026-03-02T03:00:01"))
    row = db.session.scalars(select(NightlyRun)).one()
    assert (row.state, row.error) == ("failed", "RuntimeError: no disk")
    monkeypatch.setattr(nightly.engine, "compute_all", compute_all)
    assert nightly.run(at("2026-03-02T03:05:00")) == 0
    assert nightly.run(at("2026-03-02T03:11:00")) == 1
