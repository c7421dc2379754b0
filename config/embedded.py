"""The embedded edition (`make run`): everything on one machine, in the foreground, until Ctrl-C."""

import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from config.bundled import NoRedis, redis_command, redis_log, redis_socket
from config.embedded_children import Family, Stopped
from config.embedded_ground import CannotRun, only_one, remember, remembered
from config.embedded_http import NoAnswer, answers, ask
from config.embedded_plan import COUNTERS, SANDBOX_PORT, WEB_PORT, Plan, folder, make_plan
from config.embedded_terminal import say
from config.settings import SettingsError

PATIENCE = 60.0
"""Seconds that a server has for its first answer; a slow disk needs a good part of it."""


def main() -> int:
    """Runs until somebody stops it. 0 after an orderly stop; 2, with a sentence, when it cannot run."""
    try:
        return run(os.environ)
    except (CannotRun, NoRedis, SettingsError) as error:
        print(f"wxtag: {error}", file=sys.stderr)
        return 2


def run(environ: Mapping[str, str], boot: "Callable[[Family, Plan], None] | None" = None) -> int:
    """Starts what `boot` starts (all servers), watches over it, and stops it in the opposite order."""
    with only_one(folder(environ)) as lock:
        plan = make_plan(environ)
        family = Family(plan.environ, lock)
        family.listen()
        try:
            (boot or start_all)(family, plan)
            family.pause(float("inf"))
        except Stopped:
            say("wxtag", "正在停止 · stopping")
        finally:
            family.stop()
        say("wxtag", f"已停止，数据在 {plan.data_dir} · stopped; `make run` goes on from here")
    return 0


def start_all(family: Family, plan: Plan) -> None:
    """Everything in order. Raises CannotRun when a server does not come up, Stopped."""
    _say_ports(plan)
    _forget_counters(plan.data_dir / COUNTERS)
    if plan.bundled_redis:
        family.start("redis", redis_command(plan.data_dir), log=redis_log(plan.data_dir))
        _await(family, "redis", lambda: _redis_is_ready(redis_socket(plan.data_dir)))
    if plan.sandbox_port:
        family.start("sandbox", plan.sandbox_command())
        _await(family, "sandbox", lambda: answers(f"{plan.sandbox_url}/sandbox/accounts"))
    prepared = _prepare(family, plan)
    remember(plan.data_dir, sandbox=plan.sandbox_port is not None, settings=plan.told)
    started = time.monotonic()
    family.start("web", plan.web_command())
    family.start("worker", [sys.executable, "-m", "workers"])
    family.start("clock", [sys.executable, "-m", "workers.clock"])
    _await(family, "web", lambda: answers(f"{plan.web_url}/healthz"))
    if plan.sandbox_port:
        _set_callbacks(plan, prepared["callbacks"])
    _banner(plan, prepared["setup_token"])
    if plan.sandbox_port and not remembered(plan.data_dir).get("story_told"):
        _tell_story(family, plan, started)


def _forget_counters(path: Path) -> None:
    """Counters begin at 0 with each start, as they do everywhere; the files are those of dead processes."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)


def _await(family: Family, name: str, ready: Callable[[], bool]) -> None:
    if not family.until(ready, PATIENCE):
        raise CannotRun(f"{name} did not answer within {PATIENCE:g} s: its lines above say why")


def _redis_is_ready(path: Path) -> bool:
    """Whether it takes commands: while it reads its file after a start it answers LOADING."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _prepare(family: Family, plan: Plan) -> dict[str, Any]:
    """Schema, accounts and library, in a process of its own: it needs the core, we do not."""
    with tempfile.NamedTemporaryFile(dir=plan.data_dir, prefix="setup-") as file:
        words = ["--answer", file.name, "--sandbox", plan.sandbox_url]
        child = family.start("setup", [sys.executable, "-m", "config.embedded_first", *words], again=False)
        if not family.until(lambda: child.code is not None, 10 * PATIENCE):
            raise CannotRun("the setting-up took too long: its lines above say where it stands")
        if child.code:
            raise CannotRun("the setting-up failed: its lines above say why")
        found = json.loads(Path(file.name).read_text(encoding="utf-8"))
        assert isinstance(found, dict)
        return found


def _set_callbacks(plan: Plan, callbacks: dict[str, str]) -> None:
    """Tells the sandbox where its accounts' callbacks go: the port may be another than last time."""
    for account, path in callbacks.items():
        url = f"{plan.sandbox_url}/sandbox/accounts/{quote(account)}/callback"
        try:
            status, answer = ask("PUT", url, {"url": plan.web_url + path})
        except NoAnswer as error:
            status, answer = 0, str(error)
        if status != 200:
            say("wxtag", f"回调地址未通过验证 · the callback address {path} was not accepted: {answer}")


def _tell_story(family: Family, plan: Plan, started: float) -> None:
    words = ["--sandbox", plan.sandbox_url, "--started", str(started)]
    child = family.start("story", [sys.executable, "-m", "config.story", *words], again=False)
    family.until(lambda: child.code is not None, 3 * PATIENCE)
    if child.code == 0:
        remember(plan.data_dir, story_told=True)


def _say_ports(plan: Plan) -> None:
    for wanted, got in ((WEB_PORT, plan.web_port), (SANDBOX_PORT, plan.sandbox_port)):
        if got and got != wanted:
            say("wxtag", f"端口 {wanted} 已被占用，改用 {got} · port {wanted} is taken, using {got}")


def _banner(plan: Plan, setup_token: str) -> None:
    lines = ["", "━" * 72, "wxtag 正在运行 · wxtag is running", f"  控制台 console  {plan.web_url}/"]
    if plan.sandbox_port:
        lines.append(f"  模拟平台 sandbox  {plan.sandbox_url}/")
    if setup_token:
        lines.append("  创建首个管理员（链接仅可用一次）· make the first admin (this link works once):")
        lines.append(f"    {plan.web_url}/setup/{setup_token}")
    lines += [f"  数据 data  {plan.data_dir}", "  按 Ctrl-C 停止 · Ctrl-C stops all of it", "━" * 72, ""]
    say("wxtag", "\n".join(lines))
