"""What a run of the embedded edition consists of: sandbox or real accounts, ports, the servers' settings."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.embedded_ground import HOST, CannotRun, free_port, remembered
from config.settings import Settings, load

WEB_PORT, SANDBOX_PORT = 8000, 8001
PLATFORM_URLS = ("WXTAG_WECHAT_API_URL", "WXTAG_WECOM_API_URL")
COUNTERS = "counters"
THREADS = 16
"""Requests that the web server answers at once."""


@dataclass(frozen=True)
class Plan:
    """Decided once at the start; `environ` is what every server gets."""

    data_dir: Path
    web_port: int
    sandbox_port: int | None
    """None: real accounts, no sandbox."""
    bundled_redis: bool
    environ: dict[str, str]
    told: dict[str, str]
    """The settings of `environ` that are ours: remembered for `flask --app wsgi …` in another terminal."""
    settings: Settings

    @property
    def web_url(self) -> str:
        return f"http://{HOST}:{self.web_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://{HOST}:{self.sandbox_port}" if self.sandbox_port else ""

    def sandbox_command(self) -> list[str]:
        state = str(self.data_dir / "sandbox")
        words = [
            "--host",
            HOST,
            "--port",
            str(self.sandbox_port),
            "--state",
            state,
            "--product",
            self.web_url,
        ]
        return [sys.executable, "-m", "wxtag.sandbox", *words]

    def web_command(self) -> list[str]:
        # A server that is told to stop while it starts never hears it: it is killed after the time-out.
        words = ["--interface", "wsgi", "--factory", "--no-ws", "--workers-kill-timeout", "5"]
        words += ["--log-level", "error"]
        words += ["--host", HOST, "--port", str(self.web_port), "--blocking-threads", str(THREADS)]
        return [sys.executable, "-m", "granian", *words, "wsgi:create_app"]


def make_plan(environ: Mapping[str, str]) -> Plan:
    """Raises CannotRun, or SettingsError for a setting that cannot be used."""
    data_dir = folder(environ)
    sandbox = _with_sandbox(environ, remembered(data_dir).get("sandbox"), data_dir)
    web_port = free_port(WEB_PORT)
    sandbox_port = free_port(SANDBOX_PORT, {web_port}) if sandbox else None
    told = {"WXTAG_SANDBOX": "on" if sandbox else "off"}
    if sandbox_port:
        base = f"http://{HOST}:{sandbox_port}"
        told["WXTAG_WECHAT_API_URL"] = f"{base}/wechat-api"
        told["WXTAG_WECOM_API_URL"] = f"{base}/wecom-api"
    if not environ.get("WXTAG_PUBLIC_URL"):
        told["WXTAG_PUBLIC_URL"] = f"http://{HOST}:{web_port}"
    ours = {**environ, "WXTAG_DATA_DIR": str(data_dir), **told}
    # A proxy of the network cannot reach our own machine.
    ours["NO_PROXY"] = ours["no_proxy"] = _joined(environ.get("NO_PROXY") or environ.get("no_proxy", ""))
    ours["PYTHONUNBUFFERED"] = "1"
    # Web, worker and clock count apart; /metrics adds up what they wrote here.
    ours["PROMETHEUS_MULTIPROC_DIR"] = str(data_dir / COUNTERS)
    settings = load(ours)
    return Plan(
        data_dir=data_dir,
        web_port=web_port,
        sandbox_port=sandbox_port,
        bundled_redis=not (environ.get("WXTAG_REDIS_URL") or environ.get("WXTAG_REDIS_URL_FILE")),
        environ=ours,
        told=told,
        settings=settings,
    )


def folder(environ: Mapping[str, str]) -> Path:
    """The data folder, made absolute: the servers run elsewhere than the person."""
    return Path(environ.get("WXTAG_DATA_DIR") or "var").absolute()


def _with_sandbox(environ: Mapping[str, str], before: bool | None, data_dir: Path) -> bool:
    """Invented people and real ones never share a folder: the first start on it decides for good."""
    said = environ.get("WXTAG_SANDBOX", "").lower()
    real = [name for name in PLATFORM_URLS if environ.get(name)]
    if said == "on" and real:
        raise CannotRun(
            f"WXTAG_SANDBOX is on and {real[0]} is set: the sandbox plays the platforms itself, so unset one"
        )
    wanted = True if said == "on" else False if said or real else None
    if before is not None and wanted is not None and before != wanted:
        raise CannotRun(
            f"{data_dir} was made {'with the sandbox' if before else 'with real accounts'} and cannot be "
            f"used {'with real accounts' if before else 'with the sandbox'}: "
            "set WXTAG_DATA_DIR to another folder, or remove this one (make clean-data)"
        )
    return next(choice for choice in (wanted, before, True) if choice is not None)


def _joined(no_proxy: str) -> str:
    names = [name for name in no_proxy.split(",") if name]
    return ",".join(dict.fromkeys([*names, HOST, "localhost"]))
