"""What each process holds in memory after many callbacks, beside ten times fewer. Target: at most 1.2 times.

`python -m bench.memory 1000000` sends a million; by default it is 20,000, which takes minutes.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import latency, places, traffic
from tests.scenarios.product import OA, Product

TARGET = 1.2
CALLBACKS = 20_000
SENDERS = 4
BACKLOG = 3_000
"""So many wait in the inbox at most: it is the processes that are measured, not how much they can put off."""


def main(arguments: list[str] | None = None) -> int:
    """Prints the memory of each process at both ends; 1 when a target was missed."""
    many = int((arguments or [str(CALLBACKS)])[0])
    kind = "mariadb" if places.available("mariadb") else "sqlite"
    with latency.running(kind) as product:
        product.control("DELETE", "faults")
        numbers = count()
        found = []
        for upto in (many // 10, many):
            began = time.monotonic()
            _send(product, upto - (found[-1][0] if found else 0), numbers, many // 20 + 1)
            found.append((upto, _held(product)))
            print(
                f"{kind}: after {upto} callbacks ({time.monotonic() - began:.0f} s): {_shown(found[-1][1])}",
                flush=True,
            )
    before, after = found[0][1], found[1][1]
    ratios = {name: after[name] / before[name] for name in before}
    missed = {name for name, ratio in ratios.items() if ratio > TARGET}
    print("ratios: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in sorted(ratios.items())))
    print(f"target {TARGET}: " + (f"MISSED by {', '.join(sorted(missed))}" if missed else "reached"))
    return int(bool(missed))


def _send(product: Product, wanted: int, numbers: "count[int]", people: int) -> None:
    """So many callbacks of the Official Account, each of its own; waits until they are worked off."""
    accounts = product.control("GET", "accounts")["accounts"]
    account = next(one for one in accounts if one.get("appid") == OA)
    chunk = 250
    with ThreadPoolExecutor(SENDERS) as pool:
        for start in range(0, wanted, chunk * SENDERS):
            parts = [min(chunk, wanted - start - turn * chunk) for turn in range(SENDERS)]
            sent = [[next(numbers) for _ in range(part)] for part in parts if part > 0]
            list(pool.map(lambda some: _post(product, account, some, people), sent))
            _wait(product, BACKLOG)
    _wait(product, 0)


def _post(product: Product, account: dict[str, Any], numbers: list[int], people: int) -> None:
    connection = HTTPConnection("127.0.0.1", product.web_port, timeout=30)
    for number in numbers:
        now = int(time.time())
        who = {
            "ToUserName": "gh_0bench",
            "FromUserName": f"oBENCH{number * 7919 % people:022d}",
            "CreateTime": now,
        }
        event = {
            "MsgType": "event",
            "Event": "LOCATION",
            "Latitude": 30.25,
            "Longitude": 120.17,
            "Precision": number,
        }
        text = {"MsgType": "text", "Content": "hello", "MsgId": 10**16 + number}
        content = {**who, **(text if number % 3 else event)}
        key, token = account["aes_key"], account["token"]
        body, query = traffic.envelope(OA, content, str(number), now, token, key)
        path = f"/callbacks/official-account/{OA}?{urlencode(query)}"
        connection.request("POST", path, body, {"Content-Type": "text/xml"})
        answer = connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise ConnectionError(f"the door said {answer.status}: {told[:200]!r}")
    connection.close()


def _wait(product: Product, at_most: float) -> None:
    """Until no more than so much waits inside, also of what follows from the callbacks."""
    while True:
        waits = product.metrics_waiting()
        names = [
            name for name in waits if 'state="new"' in name or "touched" in name or "spool_bytes" in name
        ]
        if sum(waits[name] for name in names) <= at_most:
            return
        time.sleep(0.2)


def _held(product: Product) -> dict[str, float]:
    """Process -> MiB of memory that it holds; of a web server the largest of its processes."""
    held: dict[str, float] = {}
    for name, process in product.processes.items():
        if name != "sandbox":
            held[name] = max(_resident(one) for one in _group(process.pid))
    return held


def _group(leader: int) -> list[Path]:
    """The processes of a group, which bears its leader's number."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader:
            found.append(place)
    return found


def _resident(place: Path) -> float:
    for line in (place / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _shown(held: dict[str, float]) -> str:
    return ", ".join(f"{name} {mib:.0f} MiB" for name, mib in sorted(held.items()))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
