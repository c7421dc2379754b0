"""A seeded stream of callbacks as the platforms send them, and an exact record of what was acknowledged."""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.callbacks.playing import encrypt, query, wrapped, xml
from tests.kills.line import Line
from tests.scenarios.product import CORP, MP, OA, ZHAO

CITIES = {
    "地区/浙江·杭州": ("30.2741", "120.1551"),
    "地区/上海": ("31.2304", "121.4737"),
    "地区/北京": ("39.9042", "116.4074"),
    "地区/四川·成都": ("30.5728", "104.0668"),
}
INTERACTIONS = {"messaged", "clicked_menu", "viewed"}
MESSAGES = "SELECT count(*) FROM inbox_messages WHERE source <> 'lookup'"
AT_FIRST = 3
"""Interactions of everybody before the stream: followed, logged in, added."""
GIVEN_UP = 0.08
"""Of the requests that got no 200: so many are never sent again, and may be there or not."""
REPEATED = 0.08
"""So many are sent again, encrypted anew, although they were acknowledged."""


@dataclass
class Person:
    id: str
    openid: str
    mini_openid: str
    external_userid: str
    session: str
    count: int = 0


@dataclass
class Sent:
    """One thing that a person did."""

    person: Person
    kind: str
    """Of the event that must follow; "" when none follows."""
    at: int
    """Seconds; no two of one person have the same."""
    city: str = ""
    mini: bool = False
    """Done in the mini-program, not in the Official Account."""
    acknowledged: bool = False


@dataclass
class Stream:
    """Sends from several threads until it is told to stop; a request without a 200 is repeated."""

    line: Line
    seed: int
    people: list[Person] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    answered: int = 0
    """Requests that were answered 200."""
    failed: int = 0
    """Requests that were answered otherwise, or not at all."""
    refused: list[str] = field(default_factory=list)
    before: int = 0
    """Rows of the inbox when the stream began."""
    took: list[float] = field(default_factory=list)
    """Seconds of each answer 200."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.base = int(time.time()) - 40_000
        found = requests.get(f"{self.line.sandbox}/sandbox/accounts", timeout=5).json()["accounts"]
        self.documents = {one.get("corpid") or one["appid"]: one for one in found}
        self._lock, self._threads = threading.Lock(), []
        self._stopping = threading.Event()

    def gather(self, count: int) -> None:
        """Makes people who follow, log in and are friends of Zhao."""
        for number in range(count):
            id = self.line.control("POST", "people", {"name": f"客{number}"})["id"]
            self.line.act("follow", id)
            self.line.act("add_friend", id, userid=ZHAO)
            one = self.line.person(id)
            code = self.line.act("js_code", id, appid=MP)["code"]
            answer = requests.post(f"{self.line.url}/mini/{MP}/login", json={"code": code}, timeout=10)
            assert answer.ok, answer.text
            openids = one["openids"]
            external = one["external_userids"][CORP]
            self.people.append(Person(id, openids[OA], openids[MP], external, answer.json()["token"]))
        self.line.settle(60)
        self.before = int(self.line.rows(MESSAGES)[0][0])

    def start(self, threads: int = 4, rate: float = 15.0) -> None:
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(self.random.random()), rate), daemon=True)
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(90)
            assert not thread.is_alive(), "a callback is still not acknowledged after 90 s"
        assert not self.refused, self.refused[:5]

    def _run(self, chance: random.Random, rate: float) -> None:
        session = requests.Session()
        while not self._stopping.is_set():
            self.send(session, chance)
            time.sleep(chance.expovariate(rate))

    def send(self, session: requests.Session, chance: random.Random) -> Sent:
        """One message of somebody, until it is acknowledged or given up."""
        person = chance.choice(self.people)
        with self._lock:
            person.count += 1
            at = self.base + person.count
        one = Sent(person, "", at)
        what = chance.choice((self._text, self._click, self._located, self._mini, self._page, self._edit))
        while True:
            request = what(one, chance)
            if self._post(session, request):
                break
            # A report bears nothing by which a second one would be known again.
            if what == self._page or chance.random() < GIVEN_UP:
                break
            time.sleep(0.1)
        with self._lock:
            self.sent.append(one)
        if one.acknowledged and request["path"].startswith("/callbacks") and chance.random() < REPEATED:
            self._post(session, what(one, chance))
        return one

    def _post(self, session: requests.Session, request: dict[str, Any]) -> bool:
        one, path = request.pop("one"), request["path"]
        more = {name: value for name, value in request.items() if name != "path"}
        began = time.monotonic()
        try:
            answer = session.post(self.line.url + path, timeout=5, **more)
            status = answer.status_code
        except requests.RequestException:
            status = 0
        spent = time.monotonic() - began
        with self._lock:
            if status == 200:
                one.acknowledged = True
                self.answered += 1
                self.took.append(spent)
            else:
                self.failed += 1
            if status not in (0, 200, 503):
                self.refused.append(f"{path}: {status} {answer.text[:200]}")
        return status == 200

    # What people do

    def _fan(self, one: Sent, kind: str, chance: random.Random, **fields: object) -> dict[str, Any]:
        one.kind = kind
        body = xml(ToUserName="gh_1", FromUserName=one.person.openid, CreateTime=one.at, **fields)
        return self._sealed(one, OA, f"/callbacks/official-account/{OA}", body, chance)

    def _text(self, one: Sent, chance: random.Random) -> dict[str, Any]:
        said = {"MsgType": "text", "Content": "在吗", "MsgId": one.at}
        return self._fan(one, "messaged", chance, **said)

    def _click(self, one: Sent, chance: random.Random) -> dict[str, Any]:
        return self._fan(one, "clicked_menu", chance, MsgType="event", Event="CLICK", EventKey="menu")

    def _located(self, one: Sent, chance: random.Random) -> dict[str, Any]:
        one.city = one.city or chance.choice(list(CITIES))
        latitude, longitude = CITIES[one.city]
        place = {"Latitude": latitude, "Longitude": longitude, "Precision": "60"}
        return self._fan(one, "located", chance, MsgType="event", Event="LOCATION", **place)

    def _mini(self, one: Sent, chance: random.Random) -> dict[str, Any]:
        one.kind, one.mini = "messaged", True
        body = (
            f'{{"ToUserName": "gh_2", "FromUserName": "{one.person.mini_openid}", "CreateTime": {one.at}, '
            f'"MsgType": "text", "Content": "hi", "MsgId": {one.at}}}'
        )
        return self._sealed(one, MP, f"/callbacks/mini-program/{MP}", body.encode(), chance, json=True)

    def _edit(self, one: Sent, chance: random.Random) -> dict[str, Any]:
        body = xml(
            ToUserName=CORP,
            FromUserName="sys",
            CreateTime=one.at,
            MsgType="event",
            Event="change_external_contact",
            ChangeType="edit_external_contact",
            UserID=ZHAO,
            ExternalUserID=one.person.external_userid,
        )
        agent = self.documents[CORP]["agentid"]
        return self._sealed(one, CORP, f"/callbacks/wecom/{CORP}/{agent}", body, chance)

    def _page(self, one: Sent, chance: random.Random) -> dict[str, Any]:
        one.kind, one.mini = "viewed", True
        events = [{"kind": "page", "path": str(one.at)}]
        token = {"Authorization": f"Bearer {one.person.session}"}
        return {"one": one, "path": f"/mini/{MP}/events", "json": {"events": events}, "headers": token}

    def _sealed(
        self, one: Sent, appid: str, path: str, body: bytes, chance: random.Random, json: bool = False
    ) -> dict[str, Any]:
        """Encrypted with fresh random bytes and signed anew, as every repeat of a platform is."""
        document = self.documents[appid]
        inside = encrypt(body, appid, document["aes_key"], random=chance.randbytes(16))
        signed = query(
            inside, token=document["token"], at=int(time.time()), nonce=str(chance.getrandbits(40))
        )
        data = f'{{"ToUserName": "gh_2", "Encrypt": "{inside}"}}'.encode() if json else wrapped(inside, appid)
        return {"one": one, "path": path, "params": signed, "data": data}
