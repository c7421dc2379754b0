"""Every command, run for one company: it says nothing of the other and changes nothing of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from click import Group
from click.testing import Result

from tests import arriving
from tests.apart.guard import Guard
from tests.apart.platform import Wechat
from tests.apart.test_jobs import accounts, work
from tests.apart.world import CORP, OLD_OA, ONE_DATABASE, Side, differing, rows_of
from wxtag import clock
from wxtag.models import db
from wxtag.spool import Spool

LIBRARY = """\
version: 1
channels: [{name: 门店, values: [store-017]}]
groups:
  - path: 地区/城市
    tags: [{name: 杭州, rule: {kind: activity, windows: [{days: 7, at_least: 2}]}}]
"""
NOT_OURS = {"db", "routes", "run", "shell", "spec"}
"""Commands of Flask and its extensions, about the installation."""
Args = Callable[[Side, Path], list[str]]


def file(folder: Path, text: str) -> str:
    path = folder / "given"
    path.write_text(text, encoding="utf-8")
    return str(path)


def of(side: Side) -> list[str]:
    return ["--company", side.name]


def spool(side: Side, folder: Path) -> str:
    """A copy of another host's spool, with one message in it."""
    left = Spool(folder / "spool")
    left.put(arriving.record(accounts(side)["oa"], arriving.fan_event("subscribe"), clock.now()))
    left.rotate()
    return str(folder / "spool")


COMMANDS: dict[str, list[Args]] = {
    "account bind": [
        lambda side, folder: [file(folder, json.dumps(side.documents()[0])), *of(side)],
        lambda side, folder: [file(folder, json.dumps(side.documents()[2])), *of(side)],
    ],
    "account check": [lambda side, _: [str(side.accounts["oa"])]],
    "account list": [lambda side, _: of(side)],
    "account import": [
        lambda side, _: [str(side.accounts["oa"]), "--again"],
        lambda side, _: [str(side.accounts["oa"]), "--status"],
        lambda side, _: [str(side.accounts["shared"]), "--again"],
    ],
    "account migrate": [lambda side, _: [OLD_OA, str(side.accounts["oa"])]],
    "library dump": [lambda side, _: of(side)],
    "library load": [lambda side, folder: [file(folder, LIBRARY), *of(side)]],
    "library schema": [lambda *_: []],
    "api-key create": [
        lambda side, _: ["--role", "staff", "--staff", f"{CORP}/ZhaoMin", *of(side)],
    ],
    "keys reseal": [lambda *_: []],
    "company policy": [lambda side, _: ["--unsubscribed", "anonymise", "--days", "7", *of(side)]],
    "customer erase": [lambda side, _: [str(side.lin), "--yes", *of(side)]],
    "spool take-in": [lambda side, folder: [spool(side, folder)]],
    "spool forget": [lambda *_: ["nobody"]],
    "admin-link": [lambda side, _: of(side)],
    "recompute": [lambda side, _: of(side)],
    "replay": [lambda side, _: of(side)],
}
MAY_FAIL = {"account check", "spool forget"}
"""A platform that says so little is no good one; there is no spool of that name."""


def run(app: APIFlask, command: str, args: list[str]) -> Result:
    found: Result = app.test_cli_runner().invoke(args=[*command.split(), *args])
    db.session.remove()
    return found


def leaves(group: Group, before: str = "") -> set[str]:
    found: set[str] = set()
    for name, command in group.commands.items():
        if before or name not in NOT_OURS:
            whole = f"{before} {name}".strip()
            found |= leaves(command, whole) if isinstance(command, Group) else {whole}
    return found


@ONE_DATABASE
def test_every_command_is_exercised(app: APIFlask) -> None:
    assert leaves(app.cli) == set(COMMANDS), "say in COMMANDS how it is run for one company"


@ONE_DATABASE
def test_a_command_is_about_the_company_that_is_named(
    app: APIFlask,
    ours_and_theirs: tuple[Side, Side],
    guard: Guard,
    platform: Wechat,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, other = ours_and_theirs
    work()  # what was waiting for both
    platform.asked.clear()
    # An import waits until a worker has taken in what it read.
    monkeypatch.setattr(clock, "sleep", lambda _: work())
    folder = tmp_path_factory.mktemp("given")
    guard.acting = own.company
    before = rows_of(db.session(), other.company)
    for command, ways in COMMANDS.items():
        for args in ways:
            result = run(app, command, args(own, folder))
            what = (command, result.output, result.exception)
            assert other.mark not in result.output, what
            assert result.exit_code == 0 or command in MAY_FAIL, what
    assert differing(before, rows_of(db.session(), other.company)) == {}
    assert {call.side for call in platform.calls()} == {own.number}
    assert guard.faults == {}, guard.told()


@ONE_DATABASE
def test_ids_of_another_company_are_refused_by_commands(app: APIFlask, sides: tuple[Side, Side]) -> None:
    own, other = sides
    before = [rows_of(db.session(), side.company) for side in sides]
    erased = run(app, "customer erase", [str(other.lin), "--yes", *of(own)])
    assert erased.exit_code == 1 and "no customer" in erased.output
    taken = {**other.documents()[2], "secret": "stolen"}
    bound = app.test_cli_runner().invoke(
        args=["account", "bind", "-", *of(own)], input=json.dumps(taken, ensure_ascii=False)
    )
    assert bound.exit_code == 1 and "another company" in bound.output, bound.output
    assert [rows_of(db.session(), side.company) for side in sides] == before


@ONE_DATABASE
def test_where_there_are_two_a_command_asks_which_is_meant(app: APIFlask, sides: tuple[Side, Side]) -> None:
    before = [rows_of(db.session(), side.company) for side in sides]
    for command, ways in COMMANDS.items():
        for args in ways:
            given = args(sides[0], Path("/tmp"))
            if "--company" in given:
                given = given[: given.index("--company")]
                result = run(app, command, given)
                assert result.exit_code == 1 and "--company" in result.output, (command, result.output)
    assert [rows_of(db.session(), side.company) for side in sides] == before
