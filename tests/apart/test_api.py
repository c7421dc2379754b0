"""Each call of the API, with the other company's ids and with its own: theirs is neither seen nor changed."""

from itertools import chain, combinations
from typing import Any

from apiflask import APIFlask
from werkzeug.test import TestResponse

from callbacks.doors import DOORS
from tests.apart import calls, test_pages, world
from tests.apart.calls import CHANGING, PAGES, READING, Make, Pick, Request
from tests.apart.conftest import Outside
from tests.apart.guard import Guard
from tests.apart.world import ONE_DATABASE, OWNED, Side, differing, rows_of
from wxtag.database import writing
from wxtag.models import db

ROLES = ("admin", "manager", "staff")
STRANGERS = (403, 404, 422)


def ask(client: Outside, key: str, method: str, request: Request) -> TestResponse:
    headers = {"Authorization": f"Bearer {key}"}
    body: dict[str, Any] = {} if request.json is None else {"json": request.json}
    return client.open(request.path, method=method, query_string=request.query, headers=headers, **body)


def served(app: APIFlask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


@ONE_DATABASE
def test_every_address_is_exercised(app: APIFlask) -> None:
    known = {*READING, *CHANGING, *PAGES}
    assert served(app) - known == set(), "say in tests/apart/calls.py how these are exercised"
    assert known - served(app) == set(), "these are gone: take them out of tests/apart/calls.py"
    assert set(DOORS) == set(calls.DOORS), "say in tests/apart/calls.py which test exercises this door"
    for name in {*PAGES.values(), *calls.DOORS.values()}:
        assert hasattr(test_pages, name), name


def test_every_table_has_rows_of_both(sides: tuple[Side, Side]) -> None:
    for side in sides:
        empty = [name for name, rows in rows_of(db.session(), side.company).items() if not rows]
        assert empty == []
    assert len(OWNED) >= 35


def foreign_ways(make: Make, own: Side, other: Side) -> list[Request]:
    """The request with one, some or all of its ids being the other company's."""
    probe = Pick(own, other)
    make(probe)
    names = sorted(probe.asked)
    some = chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))
    return [make(Pick(own, other, frozenset(chosen))) for chosen in some]


def test_ids_of_another_company_are_nobodys(
    app: APIFlask, ours_and_theirs: tuple[Side, Side], guard: Guard
) -> None:
    own, other = ours_and_theirs
    client = app.test_client()
    guard.acting = own.company
    before = [rows_of(db.session(), side.company) for side in ours_and_theirs]
    asked = 0
    for role in ROLES:
        for (method, _), makes in (READING | CHANGING).items():
            for request in chain.from_iterable(foreign_ways(make, own, other) for make in makes):
                answer = ask(client, own.keys[role], method, request)
                asked += 1
                what = (role, method, request, answer.status_code, answer.text)
                if answer.status_code == 200 and request.query:
                    assert method == "GET" and answer.json["items"] == [], what
                else:
                    assert answer.status_code in STRANGERS, what
                assert other.mark not in answer.text.replace(str(request.query.get("q")), ""), what
    after = [rows_of(db.session(), side.company) for side in ours_and_theirs]
    assert [differing(*pair) for pair in zip(before, after, strict=True)] == [{}, {}]
    assert guard.faults == {}, guard.told()
    assert asked >= 90


def test_what_one_company_does_is_seen_by_it_alone(
    app: APIFlask, ours_and_theirs: tuple[Side, Side], guard: Guard
) -> None:
    own, other = ours_and_theirs
    client = app.test_client()
    guard.acting = own.company
    before = [rows_of(db.session(), side.company) for side in (own, other)]
    for (method, _), makes in (READING | CHANGING).items():
        for make in makes:
            request = make(Pick(own, other))
            answer = ask(client, own.keys["admin"], method, request)
            assert answer.status_code < 300, (method, request, answer.text)
            assert other.mark not in answer.text, (method, request, answer.text)
    after = [rows_of(db.session(), side.company) for side in (own, other)]
    assert differing(before[1], after[1]) == {}
    assert {"marks", "merges", "events", "tags", "tag_groups", "verdicts"} <= set(
        differing(before[0], after[0])
    )
    assert guard.faults == {}, guard.told()


@ONE_DATABASE
def test_an_answer_is_the_same_whether_another_company_is_there_or_not(app: APIFlask) -> None:
    client = app.test_client()
    with writing() as session:
        own = world.found(session, 1)
        world.settle(session, own)

    def everything() -> list[str]:
        return [
            ask(client, own.keys[role], method, make(Pick(own, own))).text
            for role in ROLES
            for (method, _), makes in READING.items()
            for make in makes
        ]

    alone = everything()
    assert own.mark in "".join(alone)
    with writing() as session:
        world.settle(session, world.found(session, 2))
    assert everything() == alone
