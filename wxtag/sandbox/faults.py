"""Faults on order: what an interface or a delivery does wrong, how often and how many times."""

import random
import threading
from typing import Any

CALL_FAULTS = ("error", "latency", "lost_answer", "no_effect", "drop_connection", "http_500", "not_json")
DELIVERY_FAULTS = ("duplicate", "delay", "discard", "reorder")


def _named(fault: dict[str, Any]) -> dict[str, str]:
    """Interfaces are named without the common head of their path."""
    return {"api": str(fault["api"]).strip("/").removeprefix("cgi-bin/")} if "api" in fault else {}


class Faults:
    """The list of faults, drawn from with a seeded random so that a run can be repeated."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.list: list[dict[str, Any]] = []
        self.seed = 1
        self._random = random.Random(self.seed)

    def set(self, faults: list[dict[str, Any]], seed: int | None = None) -> str | None:
        """Replaces the list; answers what is wrong with it, if anything."""
        for fault in faults:
            platform, what = fault.get("platform", "*"), fault.get("what")
            allowed = DELIVERY_FAULTS if platform == "callbacks" else CALL_FAULTS
            if platform not in ("wecom", "wechat", "callbacks", "*") or what not in allowed:
                return f"not a fault: {fault}"
            if what == "error" and "errcode" not in fault:
                return "an error fault needs errcode"
        with self._lock:
            self.list = [{**fault, **_named(fault)} for fault in faults]
            self.seed = self.seed if seed is None else seed
            self._random = random.Random(self.seed)
        return None

    def shown(self) -> dict[str, Any]:
        return {"seed": self.seed, "faults": self.list}

    def draw(self, platform: str, api: str = "*") -> list[dict[str, Any]]:
        """The faults that hit this call; counted ones are used up by it."""
        hits = []
        with self._lock:
            for fault in self.list:
                if fault.get("platform", "*") not in (platform, "*"):
                    continue
                if platform == "callbacks" and fault.get("platform") != "callbacks":
                    continue
                if fault.get("api", "*") not in (api, "*") or fault.get("count", 1) <= 0:
                    continue
                if self._random.random() >= float(fault.get("rate", 1)):
                    continue
                if "count" in fault:
                    fault["count"] -= 1
                hits.append(dict(fault))
        return hits
