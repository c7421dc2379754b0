"""The sandbox as one object: world, store, call log, faults, limits and the courier of callbacks."""

from typing import Any

from flask import Flask, current_app

from wxtag.sandbox import defaults
from wxtag.sandbox.calls import CallLog
from wxtag.sandbox.courier import Courier
from wxtag.sandbox.faults import Faults
from wxtag.sandbox.limits import Flights, Windows
from wxtag.sandbox.snapshots import Snapshots
from wxtag.sandbox.store import Store
from wxtag.sandbox.world import Doc, World

_RIDS = 2_000


class Sandbox:
    """Made once for an app; everything that happens goes through it."""

    def __init__(self, state_dir: str | None, product_url: str | None) -> None:
        self.world = World()
        self.faults = Faults()
        self.calls = CallLog()
        self.windows = Windows()
        self.flights = Flights()
        self.streams: Any = None
        self.rids: dict[str, Doc] = {}
        self.snapshots = Snapshots(lambda: float(self.world.switches["wecom.cursor_seconds"]))
        self.store = Store(self.world, state_dir)
        if not self.store.load():
            defaults.fill(self.world)
        self._product = product_url.rstrip("/") if product_url else None
        if self._product:
            self.world.data["product_url"] = self._product
        self.courier = Courier(self.world, self.faults)
        self.store.start()

    def reset(self) -> None:
        """Back to the world by default."""
        if self.streams is not None:
            self.streams.clear()
        with self.world.lock:
            self.world.replace({"product_url": self._product})
            defaults.fill(self.world)
        self.faults.set([], seed=1)
        self.faults.forget_counts()
        self.calls.clear()
        self.windows.clear()
        self.snapshots.clear()
        self.courier.forget()

    def keep_rid(self, rid: str, seen: Doc) -> None:
        """Request ids of failures can be asked for; the oldest are forgotten."""
        with self.world.lock:
            self.rids[rid] = seen
            if len(self.rids) > _RIDS:
                del self.rids[next(iter(self.rids))]

    def stop(self) -> None:
        if self.streams is not None:
            self.streams.clear()
        self.courier.stop()
        self.store.stop()


def sandbox_of(app: Flask) -> Sandbox:
    found: Sandbox = app.extensions["sandbox"]
    return found


def the_sandbox() -> Sandbox:
    return sandbox_of(current_app)
