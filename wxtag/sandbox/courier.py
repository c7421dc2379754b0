"""Delivers callbacks in the background: in order an account, with repetitions, and a record of every try."""

import heapq
import queue
import random
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from wxtag.sandbox import pushes, replies
from wxtag.sandbox.faults import Faults
from wxtag.sandbox.http_client import NoAnswer, send
from wxtag.sandbox.tally import DeliveryCounts
from wxtag.sandbox.world import Doc, World, platform_of

RING = 5_000


@dataclass
class Delivery:
    """One content on its way to one account's callback URL."""

    number: int
    account: str
    event: str
    content: str
    openid: str | None
    epoch: int = 0
    tries: int = 0
    parcel: pushes.Parcel | None = None


class Courier:
    """Lanes keep the order of first tries; repetitions and delays go past them."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world, self._faults = world, faults
        self._quiet = threading.Condition()
        self._pending = 0
        self._lanes: dict[tuple[str, int], queue.SimpleQueue[Delivery | None]] = {}
        self._later: list[tuple[float, int, Delivery]] = []
        self._wake = threading.Condition()
        self._stopped = False
        self._numbers = 0
        self._epoch = 0
        self._records: deque[Doc] = deque(maxlen=RING)
        self._next_record = 1
        self.counts = DeliveryCounts()
        self.holding: set[str] = set()
        self._held: list[Delivery] = []
        self._sent: deque[Delivery] = deque(maxlen=1_000)
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="sandbox-repeat")
        self._clock: threading.Thread | None = None

    # --- handing over -------------------------------------------------------------------------------

    def push(self, account: Doc, fields: pushes.Fields, openid: str | None = None) -> int:
        """Takes a callback for an account; gives the number it has in the records."""
        named = {name: value for name, value in fields if isinstance(value, str)}
        event = named.get("Event") or named.get("MsgType", "")
        if "ChangeType" in named:
            event = f"{event}.{named['ChangeType']}"
        content = pushes.as_json(fields) if pushes.is_json(account) else pushes.as_xml(fields)
        return self._take(account["id"], event, content, openid)

    def resend(self, count: int) -> int:
        """The last contents again, each with a signature and cipher of its own."""
        with self._quiet:
            again = list(self._sent)[-count:] if count > 0 else []
        for old in again:
            self._take(old.account, old.event, old.content, old.openid)
        return len(again)

    def _take(self, account: str, event: str, content: str, openid: str | None) -> int:
        with self._quiet:
            self._numbers += 1
            number = self._numbers
            delivery = Delivery(number, account, event, content, openid)
            self._sent.append(delivery)
        self.counts.add(account, event, "taken")
        found = self._world.account(account)
        if found is None or not found["callback_url"]:
            self.counts.add(account, event, "no_url")
            self._record(delivery, url=None, error="no callback URL")
            return number
        faults = {fault["what"]: fault for fault in self._faults.draw("callbacks")}
        if "discard" in faults:
            self.counts.add(account, event, "discarded")
            self._record(delivery, url=found["callback_url"], error="discarded")
            return number
        wait = max(
            (float(faults[k].get("ms", 300)) / 1000 for k in ("delay", "reorder") if k in faults), default=0.0
        )
        for _ in range(2 if "duplicate" in faults else 1):
            one = Delivery(number, account, event, content, openid, self._epoch)
            if self.holding & {account, "*"}:
                with self._quiet:
                    self._held.append(one)
            else:
                self._enqueue(one, wait)
        return number

    def held(self) -> int:
        with self._quiet:
            return len(self._held)

    def release(self, order: str, seed: int, copies: int, most: int | None, account: str | None) -> int:
        """Sends what was held back: as it came, backwards or mixed up, each one `copies` times."""
        with self._quiet:
            chosen = [one for one in self._held if account in (None, one.account)][:most]
            going = {id(one) for one in chosen}
            self._held = [one for one in self._held if id(one) not in going]
        row = [replace(one, parcel=None) for one in chosen for _ in range(copies)]
        if order == "reversed":
            row.reverse()
        elif order == "shuffled":
            random.Random(seed).shuffle(row)
        for one in row:
            self._enqueue(one, 0)
        return len(row)

    def _enqueue(self, delivery: Delivery, wait: float) -> None:
        with self._quiet:
            self._pending += 1
        if wait > 0:
            self._schedule(delivery, wait)
            return
        width = max(1, int(self._world.switches["callbacks.parallel"]))
        key = (delivery.account, delivery.number % width)
        with self._wake:
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = queue.SimpleQueue()
                threading.Thread(target=self._run, args=(lane,), name="sandbox-lane", daemon=True).start()
        lane.put(delivery)

    def _schedule(self, delivery: Delivery, wait: float) -> None:
        with self._wake:
            if self._clock is None:
                self._clock = threading.Thread(target=self._tick, name="sandbox-clock", daemon=True)
                self._clock.start()
            heapq.heappush(self._later, (time.monotonic() + wait, id(delivery), delivery))
            self._wake.notify_all()

    def _run(self, lane: "queue.SimpleQueue[Delivery | None]") -> None:
        while (delivery := lane.get()) is not None:
            self._attempt(delivery)

    def _tick(self) -> None:
        while True:
            with self._wake:
                if self._stopped:
                    return
                wait = self._later[0][0] - time.monotonic() if self._later else None
                if wait is None or wait > 0:
                    self._wake.wait(wait)
                    continue
                delivery = heapq.heappop(self._later)[2]
                self._pool.submit(self._attempt, delivery)

    # --- one try ------------------------------------------------------------------------------------

    def _attempt(self, delivery: Delivery) -> None:
        again = False
        try:
            # What was under way before a reset is not delivered any more.
            if not self._stopped and delivery.epoch == self._epoch:
                again = self._try_once(delivery)
        finally:
            if again and not self._stopped:
                spacing = list(self._world.switches["callbacks.retry_spacing"]) or [1]
                wait = float(spacing[min(delivery.tries, len(spacing)) - 1])
                self._schedule(delivery, max(wait, 0.001))
            else:
                with self._quiet:
                    self._pending -= 1
                    self._quiet.notify_all()

    def _try_once(self, delivery: Delivery) -> bool:
        """True when the delivery has to be repeated."""
        account = self._world.account(delivery.account)
        if account is None or not account["callback_url"]:
            return False
        switches = self._world.switches
        delivery.tries += 1
        self.counts.add(delivery.account, delivery.event, "tries")
        if delivery.parcel is None or switches["callbacks.fresh_cipher_on_retry"]:
            agentid = bool(switches["callbacks.wecom_agentid"])
            delivery.parcel = pushes.wrap(
                account, delivery.content, self._world.now(), delivery.openid, agentid
            )
        parcel, base = delivery.parcel, account["callback_url"]
        url = base + ("&" if "?" in base else "?") + parcel.query
        began = time.monotonic()
        try:
            limit = float(switches["callbacks.timeout_seconds"])
            answer = send("POST", url, parcel.body, {"Content-Type": parcel.content_type}, limit)
        except NoAnswer as problem:
            self._record(delivery, url, began, error=str(problem))
            return self._again(delivery, account)
        reply = replies.examine(account, answer.body) if answer.status == 200 else {"kind": "none"}
        bad_body = reply["kind"] == "invalid" and account["kind"] != "wecom"
        ok = answer.status == 200 and not bad_body
        self._record(delivery, url, began, status=answer.status, body=answer.body[:2000], ok=ok, reply=reply)
        if ok:
            self.counts.add(delivery.account, delivery.event, "acknowledged")
            return False
        repeats = "callbacks.repeat_on_bad_body" if bad_body else "callbacks.repeat_on_non_200"
        return self._again(delivery, account, bool(switches[repeats]))

    def _again(self, delivery: Delivery, account: Doc, allowed: bool = True) -> bool:
        most = int(self._world.switches[f"callbacks.tries.{platform_of(account)}"])
        again = allowed and delivery.tries < most
        self.counts.add(delivery.account, delivery.event, "failed_tries")
        if not again:
            self.counts.add(delivery.account, delivery.event, "given_up")
        return again

    # --- records ------------------------------------------------------------------------------------

    def _record(self, delivery: Delivery, url: str | None, began: float | None = None, **seen: Any) -> None:
        spent = None if began is None else round((time.monotonic() - began) * 1000, 1)
        with self._quiet:
            self._records.append(
                {
                    "n": self._next_record,
                    "delivery": delivery.number,
                    "at": self._world.now(),
                    "account": delivery.account,
                    "event": delivery.event,
                    "content": delivery.content,
                    "url": url,
                    "try": delivery.tries,
                    "status": seen.get("status"),
                    "body": seen.get("body"),
                    "ms": spent,
                    "ok": seen.get("ok", False),
                    "error": seen.get("error"),
                    "reply": seen.get("reply"),
                }
            )
            self._next_record += 1

    def shown(self, since: int, account: str | None = None) -> Doc:
        with self._quiet:
            found = [r for r in self._records if r["n"] >= since and account in (None, "", r["account"])]
            return {
                "deliveries": found,
                "next": self._next_record,
                "pending": self._pending,
                "held": len(self._held),
            }

    def clear(self) -> None:
        with self._quiet:
            self._records.clear()
            self._sent.clear()

    def forget(self) -> None:
        """Drops the records and everything that is still under way."""
        self._epoch += 1
        with self._quiet:
            self._held.clear()
            self.holding = set()
        self.counts.clear()
        self.clear()

    def wait_idle(self, timeout: float) -> int:
        """Waits until nothing is under way; gives how many still are."""
        with self._quiet:
            self._quiet.wait_for(lambda: self._pending == 0, timeout)
            return self._pending

    def stop(self) -> None:
        self._stopped = True
        with self._wake:
            for lane in self._lanes.values():
                lane.put(None)
            self._wake.notify_all()
        self._pool.shutdown(wait=False, cancel_futures=True)
