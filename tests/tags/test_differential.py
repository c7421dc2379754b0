"""However it is computed, the tags are the same: event by event, everyone at once, or from nothing."""

import random
from typing import Any

import pytest
from sqlalchemy import delete, select

from tests.tags.world import CORP, DAY, MINI, NOON, OFFICIAL, World, world
from wxtag.database import reading, writing
from wxtag.models import Customer, CustomerTag, Event, Identity, Tag
from wxtag.tags import mirror
from wxtag.tags.engine import compute, compute_all

KINDS = ("messaged", "located", "sent_location", "scanned", "followed", "unfollowed", "added", "half_added")
PLACES = ("330100", "330200", "310000", "440100", "110000", None)
VALUES = ("store-017", "poster-042", "expo", "unknown", None, None)
MINUTE = 60_000

Snapshot = dict[tuple[int, str], tuple[int | None, str]]


def library(here: World) -> None:
    """Rules of every kind, nested, with bounds on both sides of zero."""
    often = {"kind": "activity", "windows": [{"days": 3, "at_least": 3}, {"days": 30, "at_least": 9}]}
    ways = {"kind": "connectable", "identities": ["official_account", "phone"]}
    rules: dict[str, dict[str, Any]] = {
        "常来": often,
        "常来且常来": {**often, "match": "all"},
        "没来": {"kind": "activity", "windows": [{"days": 7, "at_most": 0}]},
        "来过几次": {"kind": "activity", "windows": [{"at_least": 2, "at_most": 5}]},
        "华东": {"kind": "location", "regions": ["华东"]},
        "浙江活跃": {"all": [{"kind": "location", "regions": ["浙江"]}, often]},
        "不在上海": {"not": {"kind": "location", "regions": ["上海"]}},
        "可达": {**ways, "match": "all"},
        "现在可达": {**ways, "reachable_now": True},
        "或非": {"any": [{"not": often}, {"all": [{"kind": "location", "regions": ["广东", "北京"]}]}]},
    }
    with writing() as session:
        group = here.group(session, "规则")
        for name, rule in rules.items():
            here.tag(session, group, name, rule)
        here.group(session, "地区", family={"kind": "location"})
        here.group(session, "渠道", family={"kind": "channel"})
        here.channel(session, "门店", "store-017", "poster-042")
        here.channel(session, "展会", "expo")


class Life:
    """Things that happen to people at random, always the same for one seed."""

    def __init__(self, here: World, seed: int) -> None:
        self.here, self.dice = here, random.Random(seed)
        self.identities: list[int] = []
        self.customers: list[int] = []
        self.merged: list[tuple[int, int, list[int]]] = []

    def newcomer(self, session: Any) -> set[int]:
        customer_id = self.here.customer(session)
        self.customers.append(customer_id)
        ways = [("openid", OFFICIAL), ("openid", MINI), ("external_userid", CORP), ("phone", "")]
        for kind, scope in self.dice.sample(ways, self.dice.randint(1, 3)):
            flags = {"verified": self.dice.random() < 0.5, "active": self.dice.random() < 0.8}
            self.identities.append(self.here.identity(session, customer_id, kind, scope, **flags))
        return {customer_id}

    def event(self, session: Any, at: int) -> set[int]:
        identity_id = self.dice.choice(self.identities)
        kind = self.dice.choice(KINDS)
        place = self.dice.choice(PLACES) if kind in ("located", "sent_location") else None
        self.here.event(session, identity_id, kind, at, place=place, channel=self.dice.choice(VALUES))
        return {session.get_one(Identity, identity_id).customer_id}

    def merge(self, session: Any) -> set[int]:
        if len(self.customers) < 2:
            return set()
        into, gone = sorted(self.dice.sample(self.customers, 2))
        moved = list(session.scalars(select(Identity.id).where(Identity.customer_id == gone)))
        for identity_id in moved:
            session.get_one(Identity, identity_id).customer_id = into
        session.get_one(Customer, gone).merged_into = into
        self.customers.remove(gone)
        self.merged.append((into, gone, moved))
        return {into, gone}

    def split(self, session: Any) -> set[int]:
        if not self.merged or self.merged[-1][0] not in self.customers:
            return set()
        into, gone, moved = self.merged.pop()
        for identity_id in moved:
            session.get_one(Identity, identity_id).customer_id = gone
        session.get_one(Customer, gone).merged_into = None
        self.customers.append(gone)
        return {into, gone}

    def flip(self, session: Any) -> set[int]:
        identity = session.get_one(Identity, self.dice.choice(self.identities))
        identity.active = not identity.active
        return {identity.customer_id}

    def something(self, session: Any, at: int) -> set[int]:
        act = self.dice.choices(("event", "merge", "split", "flip", "newcomer"), (80, 4, 3, 5, 8))[0]
        return self.event(session, at) if act == "event" else getattr(self, act)(session)


def snapshot(company_id: int) -> Snapshot:
    with reading() as session:
        found = session.execute(
            select(CustomerTag.customer_id, Tag.name, CustomerTag.value, CustomerTag.text)
            .join(Tag, Tag.id == CustomerTag.tag_id)
            .where(CustomerTag.company_id == company_id)
        ).all()
    return {(customer_id, name): (value, text) for customer_id, name, value, text in found}


SEEDS = [7, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1000, 1020))]


@pytest.mark.parametrize("seed", SEEDS)
def test_touched_everyone_and_from_nothing_agree(
    company: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"seed {seed}")
    monkeypatch.setattr(mirror, "TAIL", 25)
    monkeypatch.setattr(mirror, "PART", 60)
    monkeypatch.setattr("wxtag.tags.engine.CHUNK", 15)
    here = world(company)
    library(here)
    life = Life(here, seed)
    with writing() as session:
        for _ in range(12):
            life.newcomer(session)
        for _ in range(150):
            life.event(session, NOON - life.dice.randrange(40 * DAY))
    compute_all(here.company_id, NOON)
    moment = NOON
    for _ in range(12):
        moment += MINUTE
        touched: set[int] = set()
        with writing() as session:
            for _ in range(life.dice.randint(2, 10)):
                touched |= life.something(session, moment - life.dice.randrange(MINUTE))
            compute(session, here.company_id, sorted(touched), moment)
    step_by_step = snapshot(here.company_id)
    assert len(step_by_step) > 30
    assert compute_all(here.company_id, moment).changed == set()
    assert snapshot(here.company_id) == step_by_step
    assert len(list(mirror._folder(here.company_id).glob("*.parquet"))) >= 2
    with writing() as session:
        session.execute(delete(CustomerTag))
    again = compute_all(here.company_id, moment)
    assert snapshot(here.company_id) == step_by_step
    assert again.given == len(step_by_step)
    later = moment + 5 * DAY
    compute_all(here.company_id, later)
    at_night = snapshot(here.company_id)
    with writing() as session:
        session.execute(delete(CustomerTag))
        compute(session, here.company_id, None, later)
    assert snapshot(here.company_id) == at_night != step_by_step


@pytest.mark.parametrize("change", ["erased", "appeared", "broken", "forgotten"])
def test_the_mirror_is_believed_only_when_it_agrees(
    company: Any, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows erased, rows that appeared late, a broken file: the night's answer is the database's."""
    monkeypatch.setattr(mirror, "TAIL", 5)
    monkeypatch.setattr(mirror, "PART", 20)
    here = world(company)
    with writing() as session:
        here.tag(session, here.group(session), "次数", {"kind": "activity", "windows": [{"at_least": 0}]})
        lin = here.customer(session)
        openid = here.identity(session, lin)
        ids = [here.event(session, openid, at=NOON - n) for n in range(50)]
    compute_all(here.company_id, NOON)
    parts = sorted(mirror._folder(here.company_id).glob("*.parquet"))
    assert len(parts) == 3
    assert here.shown(lin)["次数"][0] == 50
    expected = 50
    with writing() as session:
        if change == "erased":
            session.execute(delete(Event).where(Event.id.in_(ids[3:7])))
            expected = 46
        elif change == "appeared":
            session.execute(delete(Event).where(Event.id == ids[10]))
            session.flush()
            wang = here.identity(session, here.customer(session))
            session.add(
                Event(
                    id=ids[10],
                    company_id=here.company_id,
                    identity_id=wang,
                    kind="messaged",
                    at=NOON,
                    uid="late",
                )
            )
            expected = 49
    if change == "broken":
        parts[1].write_bytes(b"PAR1 nothing")
    if change == "forgotten":
        mirror.forget_mirror(here.company_id)
        assert not list(mirror._folder(here.company_id).glob("*.parquet"))
    compute_all(here.company_id, NOON)
    assert here.shown(lin)["次数"][0] == expected
    assert len(list(mirror._folder(here.company_id).glob("*.parquet"))) >= 2
    assert not list(mirror._folder(here.company_id).glob("spill-*"))
    assert not list(mirror._folder(here.company_id).glob("*.new"))
