"""`make run` as a person meets it: the first start with its story, Ctrl-C, going on. Run by `.ci/run`."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

COPY = Path(os.environ["WXTAG_CHECK_COPY"])
PYTHON = os.environ.get("WXTAG_CHECK_PYTHON", "")
CORP, OFFICIAL_ACCOUNT = "ww5a17d0c0ffee0001", "wx5a17d0c0ffee0a01"


class MakeRun:
    """One `make run` in the copy, with a bare environment."""

    def __init__(self) -> None:
        environ = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]}
        environ |= {"PYTHON": PYTHON} if PYTHON else {}
        self.process = subprocess.Popen(
            ["/usr/bin/make", "run"],
            cwd=COPY,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.output = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line.decode()
            print(line.decode(), end="", flush=True)

    def until(self, pattern: str, seconds: float = 90) -> "re.Match[str]":
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.output)):
            assert self.process.poll() is None, f"make run ended:\n{self.output}"
            assert time.monotonic() < deadline, f"no {pattern!r} within {seconds} s:\n{self.output}"
            time.sleep(0.05)
        return found

    def finish(self) -> int:
        code = self.process.wait(60)
        self.reader.join(5)
        return code

    def supervisor(self) -> int:
        """The process of `python wsgi.py`, which make started."""
        return int((COPY / "var" / "embedded.lock").read_text())


@pytest.fixture
def make_run() -> Iterator[Callable[[], MakeRun]]:
    runs: list[MakeRun] = []

    def start() -> MakeRun:
        runs.append(MakeRun())
        return runs[-1]

    yield start
    for run in runs:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.process.pid, signal.SIGTERM)
        run.process.wait(60)


def ask(method: str, url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=15) as answer:
        text = answer.read().decode()
    return json.loads(text) if answer.headers.get_content_type() == "application/json" else text


def tags(sandbox: str, person: str, staff: str = "ZhaoMin") -> list[str]:
    view = ask("GET", f"{sandbox}/sandbox/view/{CORP}/{staff}")
    return [tag["name"] for row in view["customers"] if row["person"] == person for tag in row["tags"]]


def leftovers() -> list[str]:
    """Processes that were started from the copy and are still there."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = (folder / "cwd").readlink()
            if str(COPY) in command or where.is_relative_to(COPY):
                found.append(command)
    return found


def test_no_service_is_near() -> None:
    if not os.environ.get("WXTAG_CHECK_ALONE"):
        pytest.skip("no network namespace on this machine")
    for port in (3306, 5432, 6379):
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0


def test_the_first_start_tells_the_story_and_ctrl_c_ends_it(make_run: Callable[[], MakeRun]) -> None:
    run = make_run()
    link = run.until(r"http://127\.0\.0\.1:8000/setup/\S+").group()
    assert "http://127.0.0.1:8000/" in run.output
    assert "http://127.0.0.1:8001/" in run.output
    seconds = float(run.until(r"story told: 浙江·杭州 on Lin after ([\d.]+) s").group(1))
    assert seconds < 60
    assert "浙江·杭州" in tags("http://127.0.0.1:8001", "lin")
    assert "上海" in "".join(tags("http://127.0.0.1:8001", "wang"))
    assert "<html" in ask("GET", link)
    assert "<html" in ask("GET", "http://127.0.0.1:8000/")
    assert "<html" in ask("GET", "http://127.0.0.1:8001/")
    assert ask("GET", "http://127.0.0.1:8000/readyz")["ready"] is True

    # A command in another terminal finds database, Redis and sandbox by itself.
    command = [".venv/bin/flask", "--app", "wsgi", "account", "check", "1"]
    check = subprocess.run(command, cwd=COPY, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
    assert "FAIL" not in check.stdout

    second = make_run()
    assert second.finish() != 0
    assert "already running" in second.output
    assert "Traceback" not in second.output

    # As a terminal does it: to make and to all of the foreground group.
    os.killpg(run.process.pid, signal.SIGINT)
    run.finish()
    assert "已停止" in run.output
    assert "Traceback" not in run.output
    assert leftovers() == []


def test_a_second_start_goes_on_also_on_other_ports_and_stops_with_0(make_run: Callable[[], MakeRun]) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 8000))
        taken.listen()
        run = make_run()
        run.until("端口 8000 已被占用")
        web = run.until(r"console +(http://127\.0\.0\.1:\d+)/").group(1)
        sandbox = run.until(r"sandbox +(http://127\.0\.0\.1:\d+)/").group(1)
        assert web != "http://127.0.0.1:8000"
        assert "浙江·杭州" in tags(sandbox, "lin")
        assert "关注公众号" not in run.output  # the story is told once
        body = {"person": "wang", "appid": OFFICIAL_ACCOUNT, "city": "南京"}
        ask("POST", f"{sandbox}/sandbox/act/report_location", body)
        deadline = time.monotonic() + 60
        while not any("南京" in name for name in tags(sandbox, "wang")):
            assert time.monotonic() < deadline, f"{tags(sandbox, 'wang')}\n{run.output}"
            time.sleep(0.2)
        assert not any("上海" in name for name in tags(sandbox, "wang"))
        os.kill(run.supervisor(), signal.SIGINT)
        assert run.finish() == 0
    assert "Traceback" not in run.output
    assert leftovers() == []


def test_servers_do_not_outlive_a_killed_edition(make_run: Callable[[], MakeRun]) -> None:
    run = make_run()
    run.until("wxtag is running")
    os.kill(run.supervisor(), signal.SIGKILL)
    run.finish()
    again = make_run()
    again.until("wxtag is running")
    assert "浙江·杭州" in tags("http://127.0.0.1:8001", "lin")
    os.kill(again.supervisor(), signal.SIGTERM)
    assert again.finish() == 0
    assert leftovers() == []
