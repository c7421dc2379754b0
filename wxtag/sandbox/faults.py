"""Faults on order: what an interface or a delivery does wrong, how often and how many times."""

import random
import threading
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any

CALL_FAULTS = (
    "error", "latency", "timeout", "lost_answer", "no_effect", "drop_connection", "token_dies", "http_500",
    "not_json",
)  # fmt: skip
DELIVERY_FAULTS = ("duplicate", "delay", "discard", "reorder")
# What passes by itself. Every other code arises from the world alone and is no fault of a mix.
PASSING = (-1, 6000, 45009, 45011, 45033, 45035, 45159)


def _named(fault: dict[str, Any]) -> dict[str, str]:
    """Interfaces are named without the common head of their path."""
    return {"api": str(fault["api"]).strip("/").removeprefix("cgi-bin/")} if "api" in fault else {}


def wrong_with(fault: dict[str, Any]) -> str | None:
    platform, what = fault.get("platform", "*"), fault.get("what")
    allowed = DELIVERY_FAULTS if platform == "callbacks" else CALL_FAULTS
    if platform not in ("wecom", "wechat", "callbacks", "*") or what not in allowed:
        return f"not a fault: {fault}"
    if what == "error" and "errcode" not in fault:
        return "an error fault needs errcode"
    for name in ("rate", "count", "seconds", "ms", "min_ms", "max_ms", "median_ms", "block_seconds"):
        if name in fault and (isinstance(fault[name], bool) or not isinstance(fault[name], int | float)):
            return f"{name} of a fault must be a number, not {fault[name]!r}"
    return None


def made_mix(wanted: dict[str, Any]) -> list[dict[str, Any]] | str:
    """The faults of one mix, of which a call gets one at most; or what is wrong with it."""
    whole, parts = 0.0, []
    for name, value in (wanted.get("mix") or {}).items():
        more = value if isinstance(value, dict) else {"rate": value}
        part = {"platform": wanted.get("platform", "*"), "api": wanted.get("api", "*"), **more}
        if name.lstrip("-").isdigit():
            if int(name) not in PASSING:
                return f"{name} arises from the world's state only; a mix may have {PASSING}"
            part.update({"what": "error", "errcode": int(name)})
        elif name in ("token_invalid", "token_expired"):
            part.update({"what": "token_dies", "how": name.removeprefix("token_")})
        else:
            part["what"] = {"drop_before": "drop_connection", "drop_after": "lost_answer"}.get(name, name)
        problem = wrong_with(part)
        if problem:
            return problem
        if part["what"] != "latency":
            # One draw decides among all of them: each has its slice of 0 to 1.
            part["slice"] = [whole, whole + float(part.get("rate", 1))]
            whole += float(part.pop("rate", 1))
        parts.append(part)
    if not parts:
        return "a mix needs at least one fault"
    return parts if whole <= 1.000001 else f"the probabilities of the mix add up to {whole}"


class Faults:
    """The list of faults, drawn from with a seeded random so that a run can be repeated.

    Each fault has a sequence of its own an interface: the n-th call of an interface has the same fate
    whatever other calls come in between.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.list: list[dict[str, Any]] = []
        self.seed = 1
        self._streams: dict[tuple[Any, str], random.Random] = {}
        self._injected: Counter[tuple[str, str]] = Counter()

    def set(self, faults: list[dict[str, Any]], seed: int | None = None) -> str | None:
        """Replaces the list; answers what is wrong with it, if anything."""
        for fault in faults:
            problem = wrong_with(fault)
            if problem:
                return problem
        with self._lock:
            self.list = [{**fault, **_named(fault)} for fault in faults]
            self.seed = self.seed if seed is None else seed
            self._streams.clear()
        return None

    def mix(self, wanted: list[dict[str, Any]], seed: int | None) -> str | None:
        """Replaces the list by mixes; without a seed a new one is taken, and shown."""
        found: list[dict[str, Any]] = []
        for number, one in enumerate(wanted):
            parts = made_mix(one)
            if isinstance(parts, str):
                return parts
            found += [{**part, "mix": number} for part in parts]
        return self.set(found, random.randrange(2**31) if seed is None else seed)

    def shown(self) -> dict[str, Any]:
        with self._lock:
            injected: dict[str, dict[str, int]] = {}
            for (api, what), count in sorted(self._injected.items()):
                injected.setdefault(api, {})[what] = count
            whole: Counter[str] = Counter()
            for (_, what), count in self._injected.items():
                whole[what] += count
            faults = [dict(fault) for fault in self.list]
        return {"seed": self.seed, "faults": faults, "injected": injected, "injected_in_all": dict(whole)}

    def forget_counts(self) -> None:
        with self._lock:
            self._injected.clear()

    def _random(self, which: Any, api: str) -> random.Random:
        found = self._streams.get((which, api))
        if found is None:
            found = self._streams[(which, api)] = random.Random(f"{self.seed}|{which}|{api}")
        return found

    def draw(self, platform: str, api: str = "*") -> list[dict[str, Any]]:
        """The faults that hit this call; counted ones are used up by it."""
        if not self.list:
            return []
        hits = []
        with self._lock:
            drawn: dict[int, float] = {}
            for place, fault in enumerate(self.list):
                if not _aims(fault, platform, api) or fault.get("count", 1) <= 0:
                    continue
                if "slice" in fault:
                    mix = fault["mix"]
                    if mix not in drawn:
                        drawn[mix] = self._random(f"mix{mix}", api).random()
                    if not fault["slice"][0] <= drawn[mix] < fault["slice"][1]:
                        continue
                elif self._random(place, api).random() >= float(fault.get("rate", 1)):
                    continue
                if "count" in fault:
                    fault["count"] -= 1
                hits.append(dict(fault))
                self._injected[(api, name_of(fault))] += 1
        return hits

    def wait(self, fault: dict[str, Any], api: str) -> float:
        """Seconds of a latency: fixed (`ms`), even (`min_ms`, `max_ms`), or bent (`median_ms`, `sigma`)."""
        with self._lock:
            chance = self._random("latency", api)
            if "median_ms" in fault:
                long = float(fault["median_ms"]) * chance.lognormvariate(0, float(fault.get("sigma", 0.5)))
                return min(long, float(fault.get("max_ms", 60_000))) / 1000
            if "max_ms" in fault:
                return chance.uniform(float(fault.get("min_ms", 0)), float(fault["max_ms"])) / 1000
            return float(fault.get("ms", 0)) / 1000


def name_of(fault: dict[str, Any]) -> str:
    """The name a fault is counted by."""
    if fault["what"] == "error":
        return f"error {fault['errcode']}"
    return f"token {fault.get('how', 'expired')}" if fault["what"] == "token_dies" else str(fault["what"])


def _aims(fault: dict[str, Any], platform: str, api: str) -> bool:
    aimed = fault.get("platform", "*")
    if platform == "callbacks":
        return bool(aimed == "callbacks")
    wanted = str(fault.get("api", "*"))
    return aimed in (platform, "*") and (wanted in ("*", api) or fnmatchcase(api, wanted))
