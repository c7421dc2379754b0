"""A web host that never comes back: it is missed, and what its spool held is taken in, once."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from config import Settings
from tests.arriving import OFFICIAL, bound, fan_event
from tests.arriving import record as recorded
from wxtag import clock, commands, host_spools, inbox, spool_segment
from wxtag.app import core
from wxtag.database import reading, writing
from wxtag.errors import InputError
from wxtag.host_spools import SILENT_MS, take_in
from wxtag.models import Company, HostSpool, InboxMessage
from wxtag.mover import move_once
from wxtag.spool import Spool
from wxtag.web import pages


@pytest.fixture
def there(settings: Settings, tmp_path: Path) -> Settings:
    """Another host of this installation: the same database, a disk of its own."""
    return replace(settings, data_dir=tmp_path / "there")


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    pages.register(app)
    return app.test_client()


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    class Moment:
        past = 0

    real, made = clock.now, Moment()
    monkeypatch.setattr(clock, "now", lambda: real() + made.past)
    yield made


def left(company: Company, there: Settings, count: int = 3) -> Path:
    """Messages that the other host acknowledged before it went; the folder of its spool."""
    account = bound(company, OFFICIAL)
    spool = Spool(there.data_dir / "spool")
    for number in range(count):
        spool.put(recorded(account, fan_event("subscribe", f"o{number}")))
    spool.rotate()
    return spool.folder


def tell(settings: Settings) -> None:
    with writing() as session:
        host_spools.tell(session, settings)


def said(client: FlaskClient) -> str:
    return str(client.get("/readyz").json["checks"]["spool"])


def count() -> int:
    with reading() as session:
        return int(session.scalar(select(func.count(InboxMessage.id))) or 0)


def test_a_host_that_fell_silent_is_reported_by_the_others(
    client: FlaskClient, company: Company, there: Settings, moment: Any
) -> None:
    folder = left(company, there)
    tell(there)
    assert said(client) == "ok"
    moment.past = host_spools.WAITING_MS + 5000
    tell(there)
    assert "have waited in the spool of" in said(client)
    moment.past += SILENT_MS + 5000
    told = said(client)
    name = (folder / "name").read_text().strip()
    size = sum(path.stat().st_size for path in folder.glob("*.seg"))
    assert f"{socket.gethostname()} has said nothing for 18" in told
    assert name in told and f"held {size} bytes" in told
    assert client.get("/readyz").status_code == 503
    taken = take_in(folder, inbox.accept)
    assert (taken.name, taken.messages, taken.new) == (name, 3, 3)
    with writing() as session:
        host_spools.forget(session, name)
    assert said(client) == "ok"


def test_a_silent_host_is_missed_even_when_it_last_held_nothing(
    client: FlaskClient, company: Company, there: Settings, moment: Any
) -> None:
    """What came after its last word is on its disk."""
    move_once_of(there, left(company, there))
    tell(there)
    moment.past = SILENT_MS + 5000
    assert "has said nothing" in said(client)


def move_once_of(there: Settings, folder: Path) -> None:
    take_in(folder, inbox.accept)
    for path in folder.glob("*.seg"):
        path.unlink()


def test_a_host_that_took_its_leave_is_not_missed(
    client: FlaskClient, company: Company, there: Settings, moment: Any
) -> None:
    folder = left(company, there)
    tell(there)
    with writing() as session:
        host_spools.take_leave(session, there)
    with reading() as session:
        assert session.scalar(select(func.count(HostSpool.name))) == 1, "it still holds messages"
    move_once_of(there, folder)
    with writing() as session:
        host_spools.take_leave(session, there)
    moment.past = SILENT_MS + 5000
    assert said(client) == "ok"


def test_our_own_silence_is_none(
    client: FlaskClient, company: Company, settings: Settings, moment: Any
) -> None:
    Spool(settings.data_dir / "spool").rotate()
    (settings.data_dir / "spool").mkdir(exist_ok=True)
    tell(settings)
    moment.past = SILENT_MS + 5000
    assert said(client) == "ok"


def test_taking_in_twice_or_beside_the_host_itself_makes_one_row_each(
    app: APIFlask, company: Company, there: Settings, tmp_path: Path
) -> None:
    folder = left(company, there)
    copy = tmp_path / "copy"
    shutil.copytree(there.data_dir, copy)
    assert take_in(copy, inbox.accept)[1:3] == (3, 3)
    assert take_in(copy / "spool", inbox.accept)[1:3] == (3, 0)
    assert count() == 3
    app.extensions["wxtag"].settings = there
    move_once(core(), inbox.accept)
    assert list(folder.glob("*.seg")) == [] and count() == 3


def test_what_is_damaged_in_a_copy_is_named(app: APIFlask, company: Company, there: Settings) -> None:
    folder = left(company, there)
    (path,) = folder.glob("*.seg")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x7F
    path.write_bytes(data)
    taken = take_in(folder, inbox.accept)
    assert taken.messages == 2 and [one.suffix for one in taken.kept_aside] == [".damaged"]


def test_the_spool_of_a_living_process_is_refused(app: APIFlask, company: Company, there: Settings) -> None:
    left(company, there)
    living = Spool(there.data_dir / "spool")
    living.put(recorded(bound(company, OFFICIAL), fan_event("subscribe", "o9")))
    with pytest.raises(InputError, match="its own host lives"):
        take_in(there.data_dir, inbox.accept)
    living.rotate()


def test_a_folder_that_is_no_spool_is_refused(app: APIFlask, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="holds no spool"):
        take_in(tmp_path / "photos", inbox.accept)


def test_the_commands(app: APIFlask, company: Company, there: Settings) -> None:
    folder = left(company, there)
    tell(there)
    commands.register(app)
    run = app.test_cli_runner()
    done = run.invoke(args=["spool", "take-in", str(folder)])
    assert done.exit_code == 0 and "3 messages, 3 of them new" in done.output
    assert "3 messages, 0 of them new" in run.invoke(args=["spool", "take-in", str(folder)]).output
    with reading() as session:
        assert session.scalars(select(HostSpool)).all() == []
    failed = run.invoke(args=["spool", "forget", "nobody"])
    assert failed.exit_code == 1 and "no spool is called nobody" in failed.output
    tell(there)
    assert run.invoke(args=["spool", "forget", (folder / "name").read_text().strip()]).exit_code == 0


def test_several_processes_name_a_spool_once(tmp_path: Path) -> None:
    words = "import pathlib, sys, wxtag.host_spools as it; print(it._name(pathlib.Path(sys.argv[1])))"
    started = [
        subprocess.Popen([sys.executable, "-c", words, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    names = {process.communicate()[0].strip() for process in started}
    assert len(names) == 1 and names == {(tmp_path / "name").read_text().strip()}
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_what_was_kept_aside_is_said_and_counted(client: FlaskClient, settings: Settings) -> None:
    folder = settings.data_dir / "spool"
    folder.mkdir()
    (folder / "1-a-70.damaged").write_bytes(b"?")
    (folder / "1-a.refused").write_bytes(b"?")
    name, _descriptor = spool_segment.create(folder)
    (folder / f"{name}.seg").write_bytes(b"four")
    assert client.get("/readyz").json["warnings"] == [
        "1-a-70.damaged is kept aside in the spool",
        "1-a.refused is kept aside in the spool",
    ]
    text = client.get("/metrics").text
    assert "wxtag_spool_kept_aside 2.0" in text and "wxtag_spool_bytes 4.0" in text
