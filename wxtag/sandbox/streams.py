"""Acts at a steady rate in the background: so many a second, of given kinds, by given people."""

import random
import threading
import time
from collections import Counter
from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.acts import acts
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc


class Stream:
    """One run: `rate` a second for `seconds` (or `count` acts), by a schedule that catches up."""

    def __init__(self, sandbox: Sandbox, number: int, wanted: Doc) -> None:
        self._sandbox, self._wanted, self.number = sandbox, wanted, number
        self.rate = float(wanted.get("rate") or 10)
        self.count = int(wanted.get("count") or self.rate * float(wanted.get("seconds") or 10))
        self.seed = int(random.randrange(2**31) if wanted.get("seed") is None else wanted["seed"])
        self._chance = random.Random(self.seed)
        self._kinds = [{"act": kind} if isinstance(kind, str) else kind for kind in wanted.get("kinds") or []]
        self._people, self._staff = self._who(), self._members()
        if not self._kinds or any(kind.get("act") not in acts for kind in self._kinds) or self.rate <= 0:
            raise ActError(TEXTS["bad_stream"])
        self.done, self.refused = Counter[str](), Counter[str]()
        self._stop = threading.Event()
        self._began, self._ended = time.monotonic(), 0.0
        self._thread = threading.Thread(target=self._run, name=f"sandbox-stream-{number}", daemon=True)
        self._thread.start()

    def _who(self) -> list[str]:
        """The people by name, or all with a prefix; nobody named: everybody."""
        wanted, known = self._wanted.get("people"), self._sandbox.world.data["people"]
        if isinstance(wanted, list):
            missing = [key for key in wanted if key not in known]
            if missing:
                raise ActError(TEXTS["no_person"].format(missing[0]))
            return [str(key) for key in wanted]
        prefix = str(wanted or "")
        return [key for key in known if key.startswith(prefix)]

    def _members(self) -> list[str]:
        _, corp = self._sandbox.world.need_corp(self._wanted.get("corpid"))
        if self._wanted.get("staff"):
            return [self._sandbox.world.need_staff(corp, key)["userid"] for key in self._wanted["staff"]]
        return [member["userid"] for member in corp["staff"].values() if member["customer_contact"]]

    def _run(self) -> None:
        weights = [float(kind.get("weight") or 1) for kind in self._kinds]
        for turn in range(self.count):
            wait = self._began + turn / self.rate - time.monotonic()
            if wait > 0 and self._stop.wait(wait):
                break
            if self._stop.is_set():
                break
            kind = self._chance.choices(self._kinds, weights)[0]
            body = self._body(kind, turn)
            problem = self._do(kind["act"], body)
            if problem and kind.get("otherwise"):
                problem = self._do(kind["otherwise"], body)
            if problem:
                self.refused[f"{kind['act']}: {problem}"] += 1
        self._ended = time.monotonic()

    def _body(self, kind: Doc, turn: int) -> Doc:
        """The act's body: somebody drawn, and `{n}` in its texts replaced by the turn."""
        body: Doc = {}
        if self._people:
            body["person"] = self._chance.choice(self._people)
        if self._staff:
            body["userid"] = self._chance.choice(self._staff)
        given: Any = kind.get("body") or {}
        body.update({k: v.replace("{n}", str(turn)) if isinstance(v, str) else v for k, v in given.items()})
        if kind.get("follower") and body.get("person"):
            # A member who has this person already.
            world = self._sandbox.world
            with world.lock:
                corpid, corp = world.need_corp(self._wanted.get("corpid"))
                key = ids.external_userid(body["person"], corpid)
                known = [name for name, edges in corp["edges"].items() if key in edges]
            body["userid"] = self._chance.choice(known) if known else body.get("userid")
        return body

    def _do(self, verb: str, body: Doc) -> str | None:
        """What was wrong, if anything."""
        try:
            with self._sandbox.world.lock:
                result = acts[verb](self._sandbox, body)
        except (ActError, TypeError, ValueError, KeyError) as problem:
            return str(problem)
        if result.get("ok") is False:
            return str(result.get("error"))
        self.done[verb] += 1
        return None

    def stop(self) -> None:
        self._stop.set()

    def shown(self) -> Doc:
        spent = (self._ended or time.monotonic()) - self._began
        done = sum(self.done.values())
        return {
            "id": self.number,
            "running": self._thread.is_alive(),
            "seed": self.seed,
            "wanted": self.count,
            "done": done,
            "by_act": dict(self.done),
            "refused": dict(self.refused),
            "seconds": round(spent, 3),
            "rate": round(done / spent, 1) if spent else 0.0,
        }


class Streams:
    """The runs by number; a reset stops them all."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self._runs: dict[int, Stream] = {}

    def start(self, wanted: Doc) -> Stream:
        with self._lock:
            number = 1 + max(self._runs, default=0)
            run = self._runs[number] = Stream(self._sandbox, number, wanted)
            return run

    def shown(self) -> list[Doc]:
        with self._lock:
            return [run.shown() for run in self._runs.values()]

    def stop(self) -> None:
        with self._lock:
            for run in self._runs.values():
                run.stop()

    def clear(self) -> None:
        self.stop()
        with self._lock:
            self._runs.clear()
