"""The spool and its mover: what was acknowledged survives, whatever dies, and reaches the inbox once."""

import fcntl
import gc
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from apiflask import APIFlask
from sqlalchemy.exc import IntegrityError, OperationalError

from config import Settings
from tests.callbacks.playing import OA
from tests.conftest import SECRET_KEY
from wxtag import mover, spool_segment
from wxtag.app import Core, create_core
from wxtag.companies import bind, make_company
from wxtag.database import writing
from wxtag.errors import InputError, Unavailable
from wxtag.mover import BATCH, Mover, backlog, kept_aside, move_once
from wxtag.snapshot import Snapshot
from wxtag.spool import Spool, spool_of
from wxtag.spooling import SpoolRecord

ROOT = Path(__file__).resolve().parent.parent


def record(number: int = 0, body: bytes = b"<xml>\x00\xff</xml>") -> SpoolRecord:
    return SpoolRecord(1, 1, "callback", body, 1000 + number, {"nonce": "中"}, f"e{number}")


class Inbox:
    """Takes records in like the real one: all of a batch or none, and each spool_id once."""

    def __init__(self) -> None:
        self.rows: dict[str, SpoolRecord] = {}
        self.batches: list[int] = []
        self.fail: Exception | None = None
        self.refuses: set[str] = set()

    def accept(self, records: list[tuple[str, SpoolRecord]]) -> int:
        self.batches.append(len(records))
        if self.fail:
            raise self.fail
        if any(record.event in self.refuses for _, record in records):
            raise IntegrityError("insert", {"phone": "13800138000"}, Exception("phone 13800138000"))
        self.rows.update(records)
        return len(records)

    @property
    def events(self) -> list[str]:
        return [record.event for record in self.rows.values()]


@pytest.fixture
def core(tmp_path: Path) -> Core:
    return Core(Settings(data_dir=tmp_path, secret_key=SECRET_KEY, redis_url="unix:///nowhere"))


@pytest.fixture
def spool(core: Core) -> Spool:
    return spool_of(core.settings)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def segments(spool: Spool) -> list[Path]:
    return sorted(spool.folder.glob("*.seg"))


class TestPut:
    def test_comes_out_as_it_went_in(self, core: Core, spool: Spool, inbox: Inbox) -> None:
        ids = [spool.put(record(number, os.urandom(number * 1000))) for number in range(3)]
        assert move_once(core, inbox.accept) == 3
        assert list(inbox.rows) == ids and len(set(ids)) == 3
        assert inbox.rows[ids[0]] == record(0, b"")
        assert move_once(core, inbox.accept) == 0 and segments(spool) == []

    def test_returns_only_after_the_sync(self, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
        synced: list[int] = []
        monkeypatch.setattr(
            "wxtag.spool.sync", lambda descriptor: synced.append(os.fstat(descriptor).st_size)
        )
        spool.put(record())
        assert synced == [segments(spool)[0].stat().st_size] and synced[0] > 0

    def test_many_threads_share_a_sync(
        self, core: Core, spool: Spool, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        syncs = []

        def slow(_descriptor: int) -> None:
            syncs.append(1)
            time.sleep(0.02)

        monkeypatch.setattr("wxtag.spool.sync", slow)
        threads = [threading.Thread(target=spool.put, args=(record(number),)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(syncs) < 10
        move_once(core, inbox.accept)
        assert sorted(inbox.events) == sorted(f"e{number}" for number in range(40))

    def test_begins_a_new_segment_when_one_is_full(
        self, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("wxtag.spool.SEGMENT_BYTES", 300)
        ids = [spool.put(record(number)) for number in range(6)]
        assert len({spool_id.split(":")[0] for spool_id in ids}) == len(segments(spool)) > 1

    def test_files_are_for_their_owner_alone(self, spool: Spool) -> None:
        spool.put(record())
        assert segments(spool)[0].stat().st_mode & 0o777 == 0o600
        assert spool.folder.stat().st_mode & 0o777 == 0o700

    def test_a_record_that_is_too_long_is_refused(
        self, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spool_segment, "LONGEST", 1000)
        with pytest.raises(InputError):
            spool.put(record(0, b"x" * 1001))

    def test_a_forked_child_begins_its_own(self, core: Core, spool: Spool, inbox: Inbox) -> None:
        spool.put(record(0))
        child = os.fork()
        if child == 0:
            try:
                spool.put(record(1))
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        spool.put(record(2))
        assert len(segments(spool)) == 2
        move_once(core, inbox.accept)
        assert sorted(inbox.events) == ["e0", "e1", "e2"]

    def test_a_child_does_not_hold_its_dead_parents_segment(self, core: Core, inbox: Inbox) -> None:
        program = f"""
            import os, time
            from pathlib import Path
            from wxtag.spool import Spool
            from wxtag.spooling import SpoolRecord
            spool = Spool(Path({str(core.settings.data_dir / "spool")!r}))
            spool.put(SpoolRecord(1, 1, "mini", b"", 1))
            read, write = os.pipe()
            if os.fork() == 0:
                os.write(write, b"born")
                time.sleep(3)
                os._exit(0)
            os.read(read, 4)
            os._exit(0)
        """
        process = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, timeout=15)
        assert process.returncode == 0
        assert move_once(core, inbox.accept) == 1


class TestDiskFull:
    def test_says_so_and_goes_on_afterwards(
        self, core: Core, spool: Spool, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.pwrite

        def half(descriptor: int, data: memoryview, offset: int) -> int:
            if len(data) > 40:
                return real(descriptor, data[:40], offset)
            raise OSError(28, "No space left on device")

        spool.put(record(0))
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", half)
            with pytest.raises(Unavailable, match="No space left"):
                spool.put(record(1))
        spool.put(record(2))
        move_once(core, inbox.accept)
        assert inbox.events == ["e0", "e2"] and kept_aside(core.settings) == []

    def test_a_failed_sync_is_not_an_acknowledgement(
        self, core: Core, spool: Spool, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        spool.put(record(0))
        first = segments(spool)
        with monkeypatch.context() as patched:
            patched.setattr("wxtag.spool.sync", broken)
            with pytest.raises(Unavailable):
                spool.put(record(1))
        spool.put(record(2))
        assert len(segments(spool)) == 2 and first[0] in segments(spool)
        move_once(core, inbox.accept)
        assert inbox.events == ["e0", "e2"]

    def test_a_file_size_limit_of_the_system(self, core: Core, inbox: Inbox) -> None:
        program = f"""
            import resource
            from pathlib import Path
            from wxtag.errors import Unavailable
            from wxtag.spool import Spool
            from wxtag.spooling import SpoolRecord
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
            spool, kept, refused = Spool(Path({str(core.settings.data_dir / "spool")!r})), 0, 0
            for number in range(30):
                try:
                    spool.put(SpoolRecord(1, 1, "mini", b"x" * (100 + number * 40), number))
                    kept += 1
                except Unavailable:
                    refused += 1
            print(kept, refused)
        """
        process = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=15,
        )
        kept, refused = map(int, process.stdout.split())
        assert kept > 10 and refused > 5
        assert move_once(core, inbox.accept) == kept and kept_aside(core.settings) == []

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "spool").write_text("a file is in the way")
        with pytest.raises(Unavailable):
            Spool(tmp_path / "spool").put(record())


class TestCrash:
    def test_kill_loses_nothing_that_was_acknowledged(self, core: Core, inbox: Inbox) -> None:
        program = f"""
            import sys, threading
            from pathlib import Path
            from wxtag.spool import Spool
            from wxtag.spooling import SpoolRecord
            spool, telling = Spool(Path({str(core.settings.data_dir / "spool")!r})), threading.Lock()
            def work(name):
                number = 0
                while True:
                    spool.put(SpoolRecord(1, 1, "mini", b"x" * 3000, 1, event=f"{{name}}-{{number}}"))
                    with telling:
                        sys.stdout.write(f"{{name}}-{{number}}\\n")
                        sys.stdout.flush()
                    number += 1
            for name in range(8):
                threading.Thread(target=work, args=(name,)).start()
        """
        for _ in range(2):
            process = subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            assert process.stdout
            acknowledged = [process.stdout.readline().strip() for _ in range(500)]
            process.send_signal(signal.SIGKILL)
            acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
            process.wait(10)
            inbox.rows.clear()
            move_once(core, inbox.accept)
            assert set(acknowledged) <= set(inbox.events)
            assert len(inbox.events) == len(set(inbox.events))

    @pytest.mark.parametrize("left", [1, 4, 11, 12, 13, -1])
    def test_a_torn_last_record_is_dropped_with_a_line(
        self, core: Core, spool: Spool, inbox: Inbox, left: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        spool.put(record(0))
        whole = segments(spool)[0].stat().st_size
        spool.put(record(1))
        spool.rotate()
        os.truncate(segments(spool)[0], whole + left if left > 0 else 2 * whole + left)
        with caplog.at_level(logging.WARNING):
            assert move_once(core, inbox.accept) == 1
        assert inbox.events == ["e0"] and "never acknowledged" in caplog.text
        assert segments(spool) == [] and kept_aside(core.settings) == []

    @pytest.mark.parametrize(
        "where", ["mark", "length", "length too long", "checksum", "content", "zeros", "last"]
    )
    def test_damage_is_kept_aside_and_said_loudly(
        self, core: Core, spool: Spool, inbox: Inbox, where: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        spool.put(record(0))
        path = segments(spool)[0]
        size = path.stat().st_size
        spool.put(record(1))
        spool.put(record(2))
        spool.rotate()
        data = bytearray(path.read_bytes())
        if where == "zeros":
            data[size : 2 * size] = bytes(size)
        else:
            offset = {
                "mark": 0,
                "length": 7,
                "length too long": 4,
                "checksum": 9,
                "content": 60,
                "last": size + 60,
            }
            data[size + offset[where]] ^= 0x7F
        path.write_bytes(data)
        with caplog.at_level(logging.ERROR):
            move_once(core, inbox.accept)
        assert inbox.events == (["e0", "e1"] if where == "last" else ["e0", "e2"])
        (aside,) = kept_aside(core.settings)
        assert aside.read_bytes() == (data[2 * size :] if where == "last" else data[size : 2 * size])
        assert "is damaged" in caplog.text and segments(spool) == []

    def test_several_damaged_places_are_kept_and_the_rest_is_taken_in(
        self, core: Core, spool: Spool, inbox: Inbox
    ) -> None:
        for number in range(6):
            spool.put(record(number))
        (path,) = segments(spool)
        spool.rotate()
        data, size = bytearray(path.read_bytes()), path.stat().st_size // 6
        data[size + 40 : size + 44] = b"wxr1"
        data[3 * size : 5 * size] = os.urandom(2 * size)
        path.write_bytes(data)
        move_once(core, inbox.accept)
        assert inbox.events == ["e0", "e2", "e5"]
        assert [one.read_bytes() for one in kept_aside(core.settings)] == [
            data[size : 2 * size],
            data[3 * size : 5 * size],
        ]

    def test_room_that_was_made_for_a_write_that_never_came_is_no_damage(
        self, core: Core, spool: Spool, inbox: Inbox
    ) -> None:
        spool.put(record(0))
        (path,) = segments(spool)
        spool.rotate()
        os.truncate(path, path.stat().st_size + 700)
        move_once(core, inbox.accept)
        assert inbox.events == ["e0"] and kept_aside(core.settings) == [] and segments(spool) == []

    def test_a_segment_of_a_living_process_is_left_alone(
        self, core: Core, spool: Spool, inbox: Inbox
    ) -> None:
        other = Spool(spool.folder)
        other.put(record(0))
        assert move_once(core, inbox.accept) == 0
        other.rotate()
        assert move_once(core, inbox.accept) == 1

    def test_a_segment_that_another_mover_has_just_deleted(
        self, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spool.put(record())
        spool.rotate()
        (path,) = segments(spool)
        real = fcntl.flock

        def deleted_first(descriptor: int, how: int) -> None:
            path.unlink()
            real(descriptor, how)

        monkeypatch.setattr(fcntl, "flock", deleted_first)
        assert spool_segment.take_over(path) is None


class TestMoveOnce:
    def test_batches(self, core: Core, spool: Spool, inbox: Inbox) -> None:
        frames = b"".join(spool_segment.frame(record(number)) for number in range(BATCH + 1))
        name, descriptor = spool_segment.create(spool.folder)
        os.write(descriptor, frames)
        os.close(descriptor)
        assert move_once(core, inbox.accept) == BATCH + 1
        assert inbox.batches == [BATCH, 1] and inbox.events[-1] == f"e{BATCH}"
        assert all(spool_id.startswith(name + ":") for spool_id in inbox.rows)

    def test_nothing_is_deleted_before_it_is_accepted(self, core: Core, spool: Spool, inbox: Inbox) -> None:
        first = spool.put(record(0))
        inbox.fail = OperationalError("insert", {}, Exception("gone away"))
        for _ in range(2):
            with pytest.raises(OperationalError):
                move_once(core, inbox.accept)
        assert backlog(core.settings).size > 0
        second = spool.put(record(1))
        inbox.fail = None
        assert move_once(core, inbox.accept) == 2
        assert list(inbox.rows) == [first, second] and backlog(core.settings) == (0, 0)

    def test_a_record_that_the_database_refuses_does_not_hold_up_the_rest(
        self, core: Core, spool: Spool, inbox: Inbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(9):
            spool.put(record(number))
        inbox.refuses = {"e4"}
        move_once(core, inbox.accept)
        assert inbox.events == [f"e{number}" for number in range(9) if number != 4]
        (aside,) = kept_aside(core.settings)
        assert aside.read_bytes() == spool_segment.frame(record(4))
        assert "13800138000" not in caplog.text and "refuses" in caplog.text

    def test_backlog_knows_the_age_of_the_oldest(
        self, core: Core, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert backlog(core.settings) == (0, 0)
        spool.put(record())
        began = spool_segment.created_at(segments(spool)[0])
        monkeypatch.setattr(mover.clock, "now", lambda: began + 7000)
        size, oldest = backlog(core.settings)
        assert (size, oldest) == (segments(spool)[0].stat().st_size, 7000)


def until(condition: object, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class TestMover:
    @pytest.fixture
    def app(self, core: Core, sqlite_template: Path) -> APIFlask:
        url = f"sqlite:///{core.settings.data_dir / 'wxtag.sqlite'}"
        (core.settings.data_dir / "wxtag.sqlite").write_bytes(sqlite_template.read_bytes())
        return create_core(replace(core.settings, database_url=url))

    @pytest.fixture
    def rung(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        found: list[str] = []
        monkeypatch.setattr(mover.bell, "ring", lambda _redis, job: found.append(job))
        return found

    @pytest.fixture
    def running(self, app: APIFlask, inbox: Inbox, rung: list[str]) -> Iterator[Mover]:
        running = Mover(app, inbox.accept)
        yield running
        running.stop()

    def test_moves_at_once_and_rings(
        self, spool: Spool, inbox: Inbox, running: Mover, rung: list[str]
    ) -> None:
        spool.put(record(0))
        running.ensure_started()
        assert until(lambda: inbox.rows and rung)
        time.sleep(0.05)
        began = time.monotonic()
        spool.put(record(1))
        assert until(lambda: len(inbox.rows) == 2)
        assert time.monotonic() - began < 0.5  # the look for the dead comes only every second
        assert set(rung) == {"drain"}

    def test_waits_for_the_database_and_then_goes_on(
        self, spool: Spool, inbox: Inbox, running: Mover
    ) -> None:
        inbox.fail = OperationalError("insert", {}, Exception("gone away"))
        spool.put(record(0))
        running.ensure_started()
        assert until(lambda: len(inbox.batches) >= 2)
        inbox.fail = None
        assert until(lambda: inbox.events == ["e0"])

    def test_leaves_the_processor_to_busy_doors(
        self, spool: Spool, inbox: Inbox, app: APIFlask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rests: list[float] = []

        def accept(records: list[tuple[str, SpoolRecord]]) -> int:
            for number in range(mover.BUSY if inbox.fail is None else 1):
                spool.put(record(number))
            return inbox.accept(records) if inbox.fail is None else 0

        busy = Mover(app, accept)
        monkeypatch.setattr(busy._stopping, "wait", lambda seconds: rests.append(seconds) or True)
        busy._accept_gently([("a:0", record())])
        assert len(rests) == 1 and rests[0] > 0
        inbox.fail = Exception()
        busy._accept_gently([("a:1", record())])
        assert len(rests) == 1

    def test_is_one_thread_however_often_it_is_started(self, running: Mover) -> None:
        before = threading.active_count()
        for _ in range(5):
            running.ensure_started()
        assert threading.active_count() <= before + 1

    def test_ends_with_its_application(self, core: Core, inbox: Inbox, sqlite_template: Path) -> None:
        url = f"sqlite:///{core.settings.data_dir / 'wxtag.sqlite'}"
        (core.settings.data_dir / "wxtag.sqlite").write_bytes(sqlite_template.read_bytes())
        app: APIFlask | None = create_core(replace(core.settings, database_url=url))
        running = Mover(app, inbox.accept)  # type: ignore[arg-type]
        running.ensure_started()
        thread = running._thread
        assert thread and thread.is_alive()
        app = None
        assert until(lambda: gc.collect() < 0 or not thread.is_alive(), 8)

    def test_learns_of_accounts_that_were_bound_on_another_host(
        self, app: APIFlask, running: Mover, core: Core, rung: list[str]
    ) -> None:
        document = {"kind": "official_account", "appid": OA, "secret": "s", "token": "abc", "mode": "plain"}
        with app.app_context(), writing() as session:
            bind(session, core.sealer, make_company(session, core.sealer), document)
        snapshot = Snapshot(core.settings, core.sealer)
        assert snapshot.find("official_account", OA) == []
        running.ensure_started()
        assert until(lambda: snapshot.find("official_account", OA))
