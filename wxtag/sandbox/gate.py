"""What every interface has in common: a table of interfaces, faults, the log, and answers as they look."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from flask import Response, request

from wxtag.sandbox.calls import redact
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.world import Doc


@dataclass
class Call:
    """One call of an interface after the checks at the gate."""

    sandbox: Sandbox
    api: str
    args: dict[str, str]
    ip: str
    body: Doc = field(default_factory=dict)
    account: Doc = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A parameter as text, from the query or else the body."""
        value = self.args.get(name, self.body.get(name, ""))
        return value if isinstance(value, str) else "" if value is None else str(value)

    def listed(self, name: str, code: int) -> list[str]:
        """A list of texts; anything else is the interface's parameter error."""
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ApiError(code)
        return value


Run = Callable[[Call], Doc | Response]


@dataclass(frozen=True)
class Api:
    """An interface: its method, who may call it, and the empty fields of its failures."""

    name: str
    method: str
    run: Run
    empty: Doc
    token: bool
    kinds: tuple[str, ...]


class ApiTable:
    """Interfaces by name; filled by the decorator."""

    def __init__(self) -> None:
        self.apis: dict[str, Api] = {}

    def __call__(
        self,
        name: str,
        method: str = "POST",
        empty: Doc | None = None,
        token: bool = True,
        kinds: tuple[str, ...] = (),
    ) -> Callable[[Run], Run]:
        def keep(run: Run) -> Run:
            self.apis[name] = Api(name, method, run, empty or {}, token, kinds)
            return run

        return keep


Check = Callable[[Call, Api, ExitStack], None]
Shape = Callable[[Call, Api, ApiError], Response]


def answer(
    sandbox: Sandbox, platform: str, api: Api, check: Check, failed: Shape, content_type: str
) -> Response:
    """Runs one call: checks, faults, the interface, the log entry."""
    call = Call(sandbox, api.name, request.args.to_dict(), request.remote_addr or "")
    began = sandbox.calls.begin(api.name)
    entry: Doc = {"at": sandbox.world.now(), "platform": platform, "api": api.name, "method": request.method}
    response = Response(status=500)
    try:
        with ExitStack() as held:
            owner = _owner(call)
            if owner:
                held.enter_context(sandbox.calls.peaks.one("account", owner))
                held.enter_context(sandbox.calls.peaks.one("account and interface", f"{owner}|{api.name}"))
            response = _run(call, platform, api, check, held, content_type)
    except ApiError as problem:
        response = failed(call, api, problem)
        entry["errcode"] = problem.code
    except (TypeError, ValueError, AttributeError):
        # A value of a kind the interface does not expect.
        wrong = ApiError(40058 if platform == "wecom" else 47001)
        response = failed(call, api, wrong)
        entry["errcode"] = wrong.code
    finally:
        query = {key: value for key, value in call.args.items() if key != "access_token"}
        seen = call.body if api.method == "POST" else query
        entry.setdefault("errcode", response.headers.get("X-Sandbox-Code", 0, type=int))
        del response.headers["X-Sandbox-Code"]
        entry["account"] = call.account.get("id")
        entry["userid"] = call.text("userid") or None
        entry["external_userid"] = call.text("external_userid") or call.text("openid") or None
        entry["body"] = redact(seen)
        fault = response.headers.pop("X-Sandbox-Fault", None)
        if fault:
            entry["fault"] = fault
        sandbox.calls.end(api.name, began, entry)
    if fault in ("lost_answer", "drop_connection"):
        cut_line()
    return response


def _owner(call: Call) -> str | None:
    """The corp or account behind the token, before anything is checked."""
    world = call.sandbox.world
    known = world.data["tokens"].get(call.args.get("access_token", ""))
    account = world.account(known["account"]) if known else None
    return str(account.get("corpid") or account.get("appid")) if account else None


def _run(call: Call, platform: str, api: Api, check: Check, held: ExitStack, content_type: str) -> Response:
    check(call, api, held)
    found, world = call.sandbox.faults, call.sandbox.world
    faults = {fault["what"]: fault for fault in found.draw(platform, api.name)}
    wait = float(world.switches[f"{platform}.latency_ms"]) / 1000
    if "latency" in faults:
        wait += found.wait(faults["latency"], api.name)
    if wait:
        time.sleep(wait)
    if "token_dies" in faults and api.token:
        _kill_token(call, faults["token_dies"])
        check(call, api, held)
    if "error" in faults:
        _fail(call, platform, faults["error"])
    late = faults.get("timeout")
    if late is not None and not late.get("effect", True):
        time.sleep(float(late.get("seconds", 30)))
        return shaped({"errcode": -1, "errmsg": "system busy", **api.empty}, content_type, fault="timeout")
    broken = _broken(faults)
    if broken is not None:
        return broken
    if "no_effect" in faults:
        return shaped({"errcode": 0, "errmsg": "ok", **api.empty}, content_type, fault="no_effect")
    with world.lock:
        result = api.run(call)
    response = result if isinstance(result, Response) else shaped(result, content_type)
    if late is not None:
        # It happened; only the answer is late.
        time.sleep(float(late.get("seconds", 30)))
        response.headers["X-Sandbox-Fault"] = "timeout"
    if "lost_answer" in faults:
        response.headers["X-Sandbox-Fault"] = "lost_answer"
    return response


def _kill_token(call: Call, fault: Doc) -> None:
    """The token of this call really dies: whoever else holds it has it no longer either."""
    world, token = call.sandbox.world, call.args.get("access_token", "")
    with world.lock:
        if fault.get("how") == "invalid":
            world.data["tokens"].pop(token, None)
        elif token in world.data["tokens"]:
            world.data["tokens"][token]["expires"] = world.now() - 1
        world.changed()


def _fail(call: Call, platform: str, fault: Doc) -> None:
    """The ordered error; one with `block_seconds` goes on for that long, as after too many calls."""
    if fault.get("block_seconds"):
        owner = call.account.get("corpid") if platform == "wecom" else call.account.get("appid")
        until = call.sandbox.world.precise_now() + float(fault["block_seconds"])
        call.sandbox.windows.block(f"{owner}|{call.api}", 60, until, int(fault["errcode"]))
    raise ApiError(int(fault["errcode"]), str(fault.get("errmsg", "")))


def _broken(faults: Doc) -> Response | None:
    """Answers that are none: the call has no effect."""
    if "drop_connection" in faults:
        return Response(status=500, headers={"X-Sandbox-Fault": "drop_connection"})
    if "http_500" in faults:
        return Response("Internal Server Error", 500, {"X-Sandbox-Fault": "http_500"}, "text/plain")
    if "not_json" in faults:
        return Response("<html>busy</html>", 200, {"X-Sandbox-Fault": "not_json"}, "text/html")
    return None


def shaped(result: Doc, content_type: str, fault: str | None = None) -> Response:
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    response = Response(text, content_type=content_type)
    response.headers["X-Sandbox-Code"] = str(result.get("errcode", 0))
    if fault:
        response.headers["X-Sandbox-Fault"] = fault
    return response


def parsed_body(raw: bytes) -> Any:
    """The JSON value of a body; ValueError when it is none."""
    return json.loads(raw.decode("utf-8"))


def cut_line() -> None:
    """Closes the caller's connection without an answer."""
    line = request.environ.get("werkzeug.socket")
    if isinstance(line, socket.socket):
        line.shutdown(socket.SHUT_RDWR)
