"""The command as a process: killed, interrupted, started twice."""

import os
import signal

import pytest
from apiflask import APIFlask

from tests.importing.conftest import BATCH, ON_SQLITE, Town, crowd
from tests.sandbox.conftest import World
from wxtag import commands
from wxtag.database import reading
from wxtag.importing import run as imports


def slow(world: World, ms: int) -> None:
    """Each page takes so long."""
    world.faults({"platform": "wecom", "api": BATCH, "what": "latency", "ms": ms, "rate": 1})


def newest(town: Town) -> imports.Run:
    with reading() as session:
        found = imports.newest(session, town.corp, imports.CORP)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("mariadb", marks=pytest.mark.long)], indirect=True
)
def test_a_killed_import_goes_on(world: World, town: Town) -> None:
    expected = crowd(world, 10, 50)
    slow(world, 60)
    seed = int.from_bytes(os.urandom(2), "big")
    print(f"killed after {4 + seed % 5} pages")
    process = town.command(town.corp.id)
    town.wait_for_calls(BATCH, 4 + seed % 5, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    left = newest(town)
    assert left.state == imports.RUNNING and left.stage == "contacts"
    calls = town.calls(BATCH)
    code, said = town.finish(town.command(town.corp.id))
    assert code == 0 and "done: 500 contacts" in said, said
    town.drain()
    assert town.pairs() == expected and town.messages() == 500
    assert town.calls(BATCH) - calls < 10, "it began anew instead of going on"


@pytest.mark.long
@ON_SQLITE
def test_ctrl_c_pauses_and_a_second_one_says_who_is_at_it(world: World, town: Town, app: APIFlask) -> None:
    expected = crowd(world, 5, 20)
    commands.register(app)
    run = app.test_cli_runner()
    slow(world, 4000)
    process = town.command(town.corp.id)
    town.wait_for_calls(BATCH, 1, process)
    second = run.invoke(args=["account", "import", str(town.corp.id)])
    assert second.exit_code == 1
    assert "is being imported already, by" in second.output and str(process.pid) in second.output
    status = run.invoke(args=["account", "import", str(town.corp.id), "--status"])
    assert status.exit_code == 0 and "at it now" in status.output and str(process.pid) in status.output
    os.kill(process.pid, signal.SIGINT)
    code, said = town.finish(process)
    assert code == 130 and f"it goes on with `flask --app wsgi account import {town.corp.id}`" in said, said
    paused = newest(town)
    assert paused.state == imports.PAUSED
    world.faults()
    town.go_on(paused)
    town.drain()
    assert town.pairs() == expected and town.messages() == 100
    done = run.invoke(args=["account", "import", str(town.corp.id)])
    assert done.exit_code == 0 and "done: 100 contacts" in done.output and "--again" in done.output
    for wrong, says in (("99", "there is no account 99"), (str(_mini(town)), "no list of people")):
        refused = run.invoke(args=["account", "import", wrong])
        assert refused.exit_code == 1 and says in refused.output


def _mini(town: Town) -> int:
    from tests.sandbox.conftest import MINI
    from wxtag.models import Company

    with reading() as session:
        company = session.get(Company, town.company_id)
    assert company is not None
    return town.bind(company, MINI).id
