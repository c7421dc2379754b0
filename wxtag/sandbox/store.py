"""Saves the world to a directory soon after a change, and reads it back at the start."""

import contextlib
import json
import threading
from pathlib import Path
from typing import Any

from wxtag.sandbox.world import World

_FILE = "sandbox.json"
_PAUSE = 0.5


class Store:
    """One file, replaced as a whole, so that a crash leaves the old or the new one."""

    def __init__(self, world: World, state_dir: str | None) -> None:
        self._world = world
        self._path = Path(state_dir) / _FILE if state_dir else None
        self._saved = -1
        self._stop = threading.Event()
        self._saving = threading.Lock()
        self._thread: threading.Thread | None = None

    def load(self) -> bool:
        """True when there was a saved world to go on with."""
        if self._path is None or not self._path.exists():
            return False
        data: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        self._world.replace(data)
        return True

    def start(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._thread = threading.Thread(target=self._watch, name="sandbox-store", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(_PAUSE):
            self.save()

    def save(self) -> None:
        if self._path is None:
            return
        with self._saving:
            with self._world.lock:
                changes = self._world.changes
                if changes == self._saved:
                    return
                text = json.dumps(self._world.data, ensure_ascii=False)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self._path)
            self._saved = changes

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        with contextlib.suppress(OSError):
            self.save()
