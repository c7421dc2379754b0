"""The whole product as processes, the sandbox as the platforms, and what people then see."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent.parent
CORP, OA, MP = "ww5a17d0c0ffee0001", "wx5a17d0c0ffee0a01", "wx5a17d0c0ffee0b01"
ZHAO, CHEN = "ZhaoMin", "ChenYu"
BIN = Path(sys.executable).parent


def free_port() -> int:
    """A port that nobody listens on now, below the range that clients get theirs from."""
    for port in range(21_000 + os.getpid() % 5_000, 32_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


class Product:
    """wxtag and the sandbox, started as an operator would, in a folder of their own."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, workers: int = 1) -> None:
        self.folder, self.workers = folder, workers
        self.library = ROOT / "config" / "starter_library.yaml"
        self.sandbox_port, self.web_port = free_port(), 0
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._shell: subprocess.Popen[str] | None = None
        self._shell_environment: dict[str, str] = {}
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WXTAG_")
        }
        self.environment |= {
            "WXTAG_DATA_DIR": str(folder),
            "WXTAG_DATABASE_URL": database_url,
            "WXTAG_REDIS_URL": redis_url,
            "WXTAG_SECRET_KEY": "a key for scenarios that is long enough",
            "WXTAG_WECHAT_API_URL": f"http://127.0.0.1:{self.sandbox_port}/wechat-api",
            "WXTAG_WECOM_API_URL": f"http://127.0.0.1:{self.sandbox_port}/wecom-api",
        }
        self.sandbox = f"http://127.0.0.1:{self.sandbox_port}"

    # Starting and stopping

    def start(self) -> None:
        """Sandbox, schema, accounts, library, web, worker, clock; callbacks are verified by the sandbox."""
        self.spawn("sandbox", "-m", "wxtag.sandbox", "--port", str(self.sandbox_port))
        self.wait(lambda: self._up(self.sandbox + "/sandbox/people"), 20, "the sandbox to be up")
        self.flask("db", "upgrade")
        paths = {}
        for document in requests.get(f"{self.sandbox}/sandbox/accounts", timeout=5).json()["accounts"]:
            answer = json.loads(self.flask("account", "bind", "-", stdin=json.dumps(document)))
            paths[document.get("corpid") or document["appid"]] = answer["callback_path"]
        self.flask("library", "load", str(self.library))
        self.key = self.flask("api-key", "create", "--role", "admin").strip()
        self.start_web()
        self.start_workers()
        for account, path in paths.items():
            self.control("PUT", f"accounts/{account}/callback", {"url": self.url + path})
        self.control("PUT", "product", {"url": self.url})

    def start_web(self) -> None:
        self.web_port = self.web_port or free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        command = ["--interface", "wsgi", "--factory", "--no-ws", "--host", "127.0.0.1", "--workers", "1"]
        command += ["--port", str(self.web_port), "--blocking-threads", "8"]
        command += ["--workers-kill-timeout", "10", "wsgi:create_app"]
        self._popen("web", [str(BIN / "granian"), *command])
        self.wait(lambda: self._up(self.url + "/healthz"), 30, "the web server to be up")

    def start_workers(self) -> None:
        for number in range(self.workers):
            self.spawn(f"worker{number}", "-m", "workers")
        self.spawn("clock", "-m", "workers.clock")

    def spawn(self, name: str, *arguments: str) -> None:
        self._popen(name, [sys.executable, *arguments])

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        os.killpg(process.pid, number)
        process.wait(20)

    def stop(self) -> None:
        self._end_shell()
        for name in [n for n in ("web", "clock") if n in self.processes]:
            self.kill(name, signal.SIGTERM)
        for name in list(self.processes):
            self.kill(name)

    def flask(self, *arguments: str, stdin: str = "") -> str:
        """Runs a command; returns what it printed. Fails with what it complained of."""
        done = self._flask(arguments, stdin)
        assert done.returncode == 0, f"flask {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def failing(self, *arguments: str) -> str:
        """Runs a command that must fail; returns all that it printed."""
        done = self._flask(arguments)
        assert done.returncode != 0, f"flask {' '.join(arguments)} did not fail: {done.stdout}"
        return done.stdout + done.stderr

    def _flask(self, arguments: tuple[str, ...], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A process of the shell stays for all commands under one environment."""
        if self._shell is not None and self._shell_environment != self.environment:
            self._end_shell()
        if self._shell is None:
            self._shell_environment = dict(self.environment)
            self._shell = subprocess.Popen(
                [sys.executable, "-m", "tests.scenarios.shell"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=(self.folder / "shell.log").open("ab"),
                text=True,
            )
        assert self._shell.stdin is not None and self._shell.stdout is not None
        print(json.dumps({"arguments": arguments, "stdin": stdin}), file=self._shell.stdin, flush=True)
        line = self._shell.stdout.readline()
        assert line, f"the commands' process ended: {self.log('shell')}"
        answer = json.loads(line)
        return subprocess.CompletedProcess(arguments, answer["code"], answer["stdout"], answer["stderr"])

    def _end_shell(self) -> None:
        if self._shell is not None:
            self._shell.kill()
            self._shell.wait(10)
            self._shell = None

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    # What people do, and what they see

    def act(self, verb: str, person: str = "lin", **more: Any) -> dict[str, Any]:
        return self.control("POST", f"act/{verb}", {"person": person, **more})

    def control(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = requests.request(method, f"{self.sandbox}/sandbox/{path}", json=body, timeout=30)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        found = answer.json()
        assert isinstance(found, dict)
        return found

    def seen(self, userid: str = ZHAO) -> dict[str, list[str]]:
        """What a member of staff sees: person -> corp tags, as `group/name`."""
        view = requests.get(f"{self.sandbox}/sandbox/view/{CORP}/{userid}", timeout=5).json()
        return {
            one["person"]: [f"{tag['group']}/{tag['name']}" for tag in one["tags"] if tag["type"] != 2]
            for one in view["customers"]
        }

    def sees(self, tag: str, person: str = "lin", userid: str = ZHAO) -> bool:
        return tag in self.seen(userid).get(person, [])

    def calls(self, api: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.sandbox}/sandbox/calls", params={"api": api}, timeout=5)
        found = answer.json()["calls"]
        assert isinstance(found, list)
        return found

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method,
            f"{self.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=10,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def customer_of(self, kind: str, scope: str, value: str) -> dict[str, Any]:
        found = self.api("GET", f"customers?identity={kind}:{scope}:{value}")["items"]
        assert len(found) == 1, found
        one = self.api("GET", f"customers/{found[0]['id']}")
        assert isinstance(one, dict)
        return one

    def person(self, person: str = "lin") -> dict[str, Any]:
        people = requests.get(f"{self.sandbox}/sandbox/people", timeout=5).json()
        people = people.get("people", people) if isinstance(people, dict) else people
        return next(one for one in people if one["id"] == person)

    def wait(self, what: Callable[[], Any], seconds: float = 15, text: str = "") -> Any:
        """Waits until it is so; says how long it took, and what the processes said when it never was."""
        began, found = time.monotonic(), None
        while time.monotonic() - began < seconds:
            found = what()
            if found:
                return found
            time.sleep(0.05)
        logs = "\n".join(f"--- {n} ---\n{self.log(n)[-3000:]}" for n in sorted(self.processes))
        raise AssertionError(f"waited {seconds} s for {text or what}; last: {found!r}\n{logs}")

    def quiet(self, seconds: float = 30) -> None:
        """Waits until nothing waits any more: no callback, message, question, computation or push."""

        def idle() -> bool:
            self.control("POST", "wait_idle", {"timeout": 10})
            return self._waiting() == 0

        calm = 0
        end = time.monotonic() + seconds
        while calm < 3:
            calm = calm + 1 if idle() else 0
            assert time.monotonic() < end, f"still busy after {seconds} s: {self.metrics_waiting()}"
            time.sleep(0.15)

    def metrics_waiting(self) -> dict[str, float]:
        """The gauges of what waits."""
        found = {}
        for line in requests.get(f"{self.url}/metrics", timeout=10).text.splitlines():
            if line.startswith(
                ("wxtag_inbox", "wxtag_touched", "wxtag_pushes", "wxtag_lookups", "wxtag_spool")
            ):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def _waiting(self) -> float:
        waits = self.metrics_waiting()
        names = [n for n in waits if 'state="new"' in n or 'state="waiting"' in n or "touched" in n]
        assert names, f"no gauge of what waits: {waits}"
        return sum(waits[name] for name in names)

    def _popen(self, name: str, command: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def _up(self, url: str) -> bool:
        try:
            return requests.get(url, timeout=2).status_code == 200
        except requests.RequestException:
            return False
