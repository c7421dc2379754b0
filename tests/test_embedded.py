"""The embedded edition's processes: order, ports, one run a folder, Ctrl-C, kills. The servers are played."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import load
from config.bundled import NoRedis, redis_command, redis_socket
from config.embedded_ground import CannotRun, free_port, only_one, remember, remembered
from config.embedded_plan import make_plan

ROOT = Path(__file__).resolve().parent.parent
# A server that writes down when it comes and goes: "deaf" to SIGTERM, or "brief": it dies the first time.
SERVER = """
import signal, sys, time, pathlib, os
name, how, book = sys.argv[1:]
def note(what):
    with open(book, "a") as file: file.write(f"{what} {name} {os.getpid()}\\n")
def leave(*_):
    note("stop"); sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if how == "deaf" else leave)
signal.signal(signal.SIGINT, lambda *_: note("interrupted"))
first = not pathlib.Path(book).exists() or f"start {name} " not in open(book).read()
note("start"); print("您好 from", name, flush=True)
if how == "brief" and first: sys.exit(3)
time.sleep(60)
"""
RUN = """
import os, sys
from config import embedded_children
from config.embedded import run
embedded_children.GRACE, embedded_children.FIRST_WAIT = 0.5, 0.1
embedded_children.Child.wait = 0.1
def boot(family, plan):
    for word in sys.argv[2:]:
        name, _, how = word.partition(":")
        family.start(name, [sys.executable, "-c", os.environ["SERVER"], name, how, sys.argv[1]])
        family.until(lambda: f"start {name} " in open(sys.argv[1], "a+").read() or
                     f"start {name} " in open(sys.argv[1]).read(), 20)
    print("all up", flush=True)
sys.exit(run(os.environ, boot))
"""


class Running:
    """One embedded edition with played servers, as a process of its own."""

    def __init__(self, folder: Path, *servers: str) -> None:
        self.book = folder / "book"
        environ = {name: text for name, text in os.environ.items() if not name.startswith("WXTAG_")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(self.book), *servers],
            cwd=ROOT,
            env={**environ, "WXTAG_DATA_DIR": str(folder), "SERVER": SERVER, "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""

    def notes(self) -> list[str]:
        """`start web`, `stop redis`, …, in the order in which they happened."""
        lines = self.book.read_text().splitlines() if self.book.exists() else []
        return [line.rsplit(" ", 1)[0] for line in lines]

    def pids(self) -> list[int]:
        return [int(line.rsplit(" ", 1)[1]) for line in self.book.read_text().splitlines()]

    def finish(self) -> int:
        out, _ = self.process.communicate(timeout=30)
        self.output += out
        return self.process.returncode

    def until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not ready():
            assert time.monotonic() < deadline, f"{self.notes()} {self.process.poll()}"
            time.sleep(0.02)

    def until_up(self, servers: int) -> None:
        self.until(lambda: sum(note.startswith("start") for note in self.notes()) >= servers)


@pytest.fixture
def edition(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def start(*servers: str) -> Running:
        made.append(Running(tmp_path / "var", *servers))
        return made[-1]

    yield start
    for running in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.communicate()


def gone(pid: int) -> bool:
    """Whether the process is no more; one that is dead and that nobody has fetched yet is no more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return found.stdout.strip()[:1] in ("", "Z")


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_all_in_the_opposite_order_redis_last_and_it_is_no_failure(
    edition: Callable[..., Running], by: signal.Signals
) -> None:
    running = edition("redis", "web", "worker")
    running.until_up(3)
    # A terminal sends Ctrl-C to the whole foreground group, so the servers must not be in it.
    os.killpg(running.process.pid, by)
    assert running.finish() == 0
    assert running.notes() == [
        *("start redis", "start web", "start worker"),
        *("stop worker", "stop web", "stop redis"),
    ]
    assert "Traceback" not in running.output
    assert "已停止" in running.output
    assert "web     │ 您好 from web" in running.output


def test_a_server_that_ends_is_said_and_started_again(edition: Callable[..., Running]) -> None:
    running = edition("redis", "web:brief")
    running.until_up(3)
    running.process.send_signal(signal.SIGTERM)
    assert running.finish() == 0
    assert running.notes() == ["start redis", "start web", "start web", "stop web", "stop redis"]
    assert "web     │ 意外退出 · ended with exit code 3; starting it again" in running.output


def test_a_server_that_does_not_stop_is_killed(edition: Callable[..., Running]) -> None:
    running = edition("redis", "web:deaf")
    running.until_up(2)
    running.process.send_signal(signal.SIGINT)
    assert running.finish() == 0
    assert running.notes() == ["start redis", "start web", "stop redis"]
    assert all(gone(pid) for pid in running.pids())
    assert "is killed" in running.output


def test_a_second_one_on_the_same_folder_is_refused_in_a_sentence(edition: Callable[..., Running]) -> None:
    first = edition("redis")
    first.until_up(1)
    second = edition("redis")
    assert second.finish() == 1
    assert "already running" in second.output
    assert f"process {first.process.pid}" in second.output
    assert first.process.poll() is None
    assert first.notes() == ["start redis"]


def test_servers_do_not_outlive_a_killed_edition_and_the_next_one_waits_for_their_end(
    edition: Callable[..., Running],
) -> None:
    first = edition("redis", "web")
    first.until_up(2)
    pids = first.pids()
    first.process.kill()
    first.process.wait()
    second = edition("redis")
    second.until_up(3)
    assert all(gone(pid) for pid in pids)
    assert second.notes() == ["start redis", "start web", "stop web", "stop redis", "start redis"]
    second.process.send_signal(signal.SIGINT)
    assert second.finish() == 0


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) > port
        assert free_port(port, {port + 1}) != port + 1
    assert free_port(port) == port


def test_a_lock_ends_with_its_holder(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(CannotRun, match="already running"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_what_is_remembered_adds_up_and_a_broken_file_is_nothing(tmp_path: Path) -> None:
    assert remembered(tmp_path) == {}
    remember(tmp_path, sandbox=True)
    remember(tmp_path, settings={"WXTAG_SANDBOX": "on"})
    assert remembered(tmp_path) == {"sandbox": True, "settings": {"WXTAG_SANDBOX": "on"}}
    (tmp_path / "embedded.json").write_text("{")
    assert remembered(tmp_path) == {}


def test_the_servers_get_the_sandbox_for_the_platforms(tmp_path: Path) -> None:
    plan = make_plan({"WXTAG_DATA_DIR": str(tmp_path), "NO_PROXY": "intern.example"})
    assert plan.sandbox_port
    assert plan.sandbox_port != plan.web_port
    assert plan.environ["WXTAG_SANDBOX"] == "on"
    assert plan.environ["WXTAG_WECHAT_API_URL"] == f"http://127.0.0.1:{plan.sandbox_port}/wechat-api"
    assert plan.environ["WXTAG_WECOM_API_URL"] == f"http://127.0.0.1:{plan.sandbox_port}/wecom-api"
    assert plan.environ["WXTAG_PUBLIC_URL"] == f"http://127.0.0.1:{plan.web_port}"
    assert plan.environ["NO_PROXY"] == "intern.example,127.0.0.1,localhost"
    assert plan.bundled_redis


@pytest.mark.parametrize(
    "real", [{"WXTAG_SANDBOX": "off"}, {"WXTAG_WECOM_API_URL": "https://qyapi.weixin.qq.com"}]
)
def test_real_accounts_get_no_sandbox_and_never_share_its_folder(
    tmp_path: Path, real: dict[str, str]
) -> None:
    here = {"WXTAG_DATA_DIR": str(tmp_path)}
    plan = make_plan({**here, **real})
    assert plan.sandbox_port is None
    assert plan.settings.wecom_api_url == "https://qyapi.weixin.qq.com"
    remember(tmp_path, sandbox=False)
    assert make_plan(here).sandbox_port is None  # goes on as it was
    with pytest.raises(CannotRun, match="was made with real accounts and cannot be used with the sandbox"):
        make_plan({**here, "WXTAG_SANDBOX": "on"})
    remember(tmp_path, sandbox=True)
    with pytest.raises(CannotRun, match="was made with the sandbox and cannot be used with real accounts"):
        make_plan({**here, **real})


def test_the_sandbox_beside_an_address_of_a_platform_is_refused(tmp_path: Path) -> None:
    both = {"WXTAG_SANDBOX": "on", "WXTAG_WECHAT_API_URL": "http://elsewhere"}
    with pytest.raises(CannotRun, match="WXTAG_WECHAT_API_URL is set"):
        make_plan({"WXTAG_DATA_DIR": str(tmp_path), **both})


def test_an_own_redis_is_used_and_none_is_started(tmp_path: Path) -> None:
    plan = make_plan({"WXTAG_DATA_DIR": str(tmp_path), "WXTAG_REDIS_URL": "redis://127.0.0.1:1/0"})
    assert not plan.bundled_redis


def test_the_bundled_redis_keeps_what_it_was_given_through_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "数 据"
    for turn in range(2):
        process = subprocess.Popen(redis_command(folder), stdout=subprocess.DEVNULL)
        try:
            assert _redis(folder, "CONFIG GET maxmemory-policy").endswith("noeviction")
            assert _redis(folder, "CONFIG GET appendfsync").endswith("everysec")
            if turn == 0:
                assert _redis(folder, "RPUSH jobs one") == ":1"
                assert _redis(folder, "CONFIG SET appendfsync always") == "+OK"
                assert _redis(folder, "RPUSH jobs two") == ":2"
            else:
                assert _redis(folder, "LLEN jobs") == ":2"
        finally:
            process.kill()
            process.wait()
    assert folder.joinpath("redis").stat().st_mode & 0o077 == 0


def _redis(folder: Path, command: str) -> str:
    """The last line of the answer, once the server is there and has read its file."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(redis_socket(folder)))
            client.sendall(command.encode() + b"\r\n")
            answer = client.recv(1000).decode()
            if "LOADING" not in answer:
                return answer.rstrip().splitlines()[-1]
        time.sleep(0.02)
    raise AssertionError("the bundled Redis does not answer")


def test_a_folder_too_deep_for_a_socket_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoRedis, match=r"too long for a socket.*set WXTAG_DATA_DIR"):
        redis_command(tmp_path / ("deep" * 30))


def test_the_memory_is_what_a_command_elsewhere_reads(tmp_path: Path) -> None:
    plan = make_plan({"WXTAG_DATA_DIR": str(tmp_path)})
    remember(tmp_path, settings=plan.told)
    assert json.loads((tmp_path / "embedded.json").read_text())["settings"] == plan.told
    assert load({"WXTAG_DATA_DIR": str(tmp_path)}) == plan.settings
