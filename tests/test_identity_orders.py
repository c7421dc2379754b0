"""The same evidence gives the same people, conflicts and proposals, in whatever order it came."""

import itertools
import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.evidence import LINKS, SAID, outcome
from wxtag import verdicts
from wxtag.app import core
from wxtag.companies import make_company
from wxtag.database import writing
from wxtag.events.decoded import Decoded
from wxtag.grouping import Component, groups_of, proposed
from wxtag.models import Conflict, Identity, Link, Merge, Verdict
from wxtag.resolve import Meant, apply_all

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LIVES = itertools.count(1)
FOUND = [Phase.explicit, Phase.reuse, Phase.generate]
"""Without shrinking: lives are long."""
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def component_of(links, said):
    """A component of rows that never saw a database; rows get their numbers in the order of coming."""
    whole, numbers = Component(), {}
    for one in [*links, *said]:
        for key in (one.one, one.other):
            numbers.setdefault(key, len(numbers) + 1)
    for key, number in numbers.items():
        whole.identities[number] = Identity(id=number, kind=key.kind, scope=key.scope, value=key.value)
    best = {}
    for link in links:
        pair = tuple(sorted((numbers[link.one], numbers[link.other])))
        best[pair] = best.get(pair, False) or link.verified
    for number, ((low, high), verified) in enumerate(best.items()):
        kept = whole.links if verified else whole.proposals
        kept[number] = Link(id=number, low_id=low, high_id=high)
    newest = {}
    for one in said:
        if one.one != one.other:
            newest[tuple(sorted((numbers[one.one], numbers[one.other])))] = one.verb
    for number, ((low, high), verb) in enumerate(newest.items()):
        whole.verdicts[number] = Verdict(id=number, low_id=low, high_id=high, verb=verb)
    return whole


def follows(links, said):
    """Groups, disputes and proposals, by the ids' own names."""
    whole = component_of(links, said)
    groups, disputes = groups_of(whole)
    name = {n: (one.kind, one.scope, one.value) for n, one in whole.identities.items()}
    told = sorted((name[d.who], d.kind, [name[s] for s in d.sides], d.answered) for d in disputes)
    asked = sorted((name[d.who], [name[s] for s in d.sides]) for d in proposed(whole, groups))
    return {frozenset(name[one] for one in group) for group in groups}, told, asked


def once_each(said):
    """Of several decisions about one pair the newest counts, so the order among those is no accident."""
    return list({frozenset((one.one, one.other)): one for one in said if one.one != one.other}.values())


@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(st.lists(LINKS, max_size=30), st.lists(SAID, max_size=5), st.randoms(use_true_random=False))
def test_what_follows_depends_on_the_set_alone(links, said, chance):
    said = once_each(said)
    first = follows(links, said)
    again, decided = [*links, *links[: len(links) // 2]], said[:]
    chance.shuffle(again)
    chance.shuffle(decided)
    assert follows(again, decided) == first


@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(st.lists(LINKS, max_size=30), st.lists(SAID, max_size=5))
def test_nobody_is_two_people(links, said):
    said = once_each(said)
    groups, _, _ = follows(links, said)
    where = {one: number for number, group in enumerate(groups) for one in group}
    for one in said:
        if one.verb == "different":
            assert where[tuple(one.one)] != where[tuple(one.other)]
    if not any(one.verb == "same" for one in said):
        for group in groups:
            places = [key[:2] for key in group if key[0] in ("unionid", "openid", "external_userid")]
            assert len(places) == len(set(places)), f"two accounts of one place are one person: {group}"


@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(st.lists(LINKS, max_size=30))
def test_what_nothing_disputes_is_joined(links):
    groups, told, _ = follows(links, [])
    where = {one: number for number, group in enumerate(groups) for one in group}
    if not told:
        for link in links:
            assert not link.verified or where[tuple(link.one)] == where[tuple(link.other)]


def batches(chance, links):
    """The links as messages, in batches cut anywhere."""
    order = links[:]
    chance.shuffle(order)
    while order:
        size = chance.randint(1, 6)
        yield [Meant(Decoded(links=[link]), chance.randint(1, 10_000)) for link in order[:size]]
        order = order[size:]


def decide_all(session, company_id, chance):
    """Answers the open questions in an order that does not depend on the rows: each once."""
    ids = {row.id: row for row in session.scalars(select(Identity).where(Identity.company_id == company_id))}
    rows = session.scalars(
        select(Conflict).where(Conflict.company_id == company_id, Conflict.state == "open")
    )
    named = {(row.kind, ids[row.identity_id].kind, ids[row.identity_id].value): row for row in rows}
    for key in sorted(named):
        if named[key].state == "open":
            verdicts.decide(session, company_id, named[key].id, chance.choice(["same", "different"]), "Zhao")


def live(before, after, chance_seed, cuts, name):
    """A company's whole life: evidence, decisions about what is in question, more evidence."""
    chance = random.Random(cuts)
    with writing() as session:
        made = make_company(session, core().sealer, name)
        made.hash_key = core().sealer.seal("ab" * 32, "company hash key")
        session.flush()
        for batch in batches(chance, before):
            apply_all(session, made.id, batch)
        first = outcome(session, made.id)
        decide_all(session, made.id, random.Random(chance_seed))
        decided = outcome(session, made.id)
        for batch in batches(chance, before):
            apply_all(session, made.id, batch)
        assert outcome(session, made.id) == decided, "the same evidence once more changed something"
        for batch in batches(chance, after):
            apply_all(session, made.id, batch)
        return first, decided, outcome(session, made.id), consistent(session, made.id)


def consistent(session, company_id):
    """Every customer that became another answers, and every undone merge has come apart."""
    where = {row.id: row.customer_id for row in session.scalars(select(Identity))}
    for merge in session.scalars(select(Merge).where(Merge.company_id == company_id, Merge.verb == "merge")):
        sides = {where[one] for one in merge.moved}, {where[one] for one in merge.stayed}
        if merge.undone_at is None:
            assert sides[0] & sides[1], f"merge {merge.id} stands in the log but not in fact"
    return True


def play(before, after, seed):
    print(f"before={before}\nafter={after}\nseed={seed}")
    lives = [live(before, after, seed, cuts, f"life {next(LIVES)}") for cuts in range(3)]
    for one in lives[1:]:
        assert one[0] == lives[0][0], "before anybody decided"
        assert one[1] == lives[0][1], "after the decisions"
        assert one[2] == lives[0][2], "in the end"


@ONE_DATABASE
@settings(max_examples=4, phases=FOUND, deadline=None, suppress_health_check=QUIET)
@given(st.lists(LINKS, min_size=4, max_size=16), st.lists(LINKS, max_size=6), st.integers(0, 999))
def test_batches_in_any_order_and_cut_anywhere_end_alike(app, before, after, seed):
    play(before, after, seed)


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
@settings(max_examples=3, phases=FOUND, deadline=None, suppress_health_check=QUIET)
@given(st.lists(LINKS, min_size=8, max_size=16), st.lists(LINKS, max_size=6), st.integers(0, 999))
def test_on_mariadb_too(app, before, after, seed):
    play(before, after, seed)


@pytest.mark.long
@settings(max_examples=100, phases=FOUND, deadline=None, suppress_health_check=QUIET)
@given(st.lists(LINKS, min_size=4, max_size=30), st.lists(LINKS, max_size=12), st.integers(0, 999))
def test_many_lives_end_alike(app, before, after, seed):
    play(before, after, seed)
