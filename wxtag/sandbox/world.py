"""The memory of the sandbox: accounts, corps, people, fans, codes and tokens as plain JSON-able data."""

import threading
import time
from collections.abc import Iterable
from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.edge import Edge
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.switches import Switches
from wxtag.sandbox.texts import TEXTS

Doc = dict[str, Any]


def empty_data() -> Doc:
    return {
        "accounts": {},
        "corps": {},
        "people": {},
        "fans": {},
        "oa_tags": {},
        "ledger": {},
        "blacklists": {},
        "grants": {},
        "qrcodes": {},
        "tokens": {},
        "codes": {},
        "tickets": {},
        "sessions": {},
        "mini_tokens": {},
        "windows": {},
        "counters": {},
        "inbox": {},
        "switches": {},
        "product_url": None,
        "sequence": 0,
    }


def empty_corp() -> Doc:
    return {
        "name": "",
        "departments": {},
        "staff": {},
        "left": {},
        "groups": {},
        "tags": {},
        "edges": {},
        "chats": {},
        "strategies": {},
        "ways": {},
        "join_ways": {},
        "welcome": {},
        "transfers": [],
        "gave": {},
        "unassigned": [],
        "messages": [],
    }


class World:
    """Holds the data under one lock; answers who is who."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changes = 0
        self.data: Doc = empty_data()
        self.switches = Switches(self.data["switches"])
        # What the store has still to write: rows of the big tables, or all of them.
        self.kept = False
        self.dirty: set[tuple[str, str, str]] = set()
        self.all_dirty = True
        self._openids: dict[str, dict[str, str]] = {}
        self._externals: dict[str, dict[str, str]] = {}

    def replace(self, data: Doc) -> None:
        """Goes on with other data (a saved state, or a new world)."""
        with self.lock:
            self.data = {**empty_data(), **data}
            for corpid, corp in self.data["corps"].items():
                self.data["corps"][corpid] = corp = {**empty_corp(), **corp}
                for edges in [*corp["edges"].values(), *(one["edges"] for one in corp["left"].values())]:
                    for key, edge in edges.items():
                        edges[key] = Edge.of(edge) if isinstance(edge, dict) else edge
            for account in self.data["accounts"].values():
                if account["kind"] == "wecom":
                    account.setdefault("role", "app")
                    account.setdefault("restricted", True)
                    account.setdefault("format", "xml")
            self.switches = Switches(self.data["switches"])
            self.index()
            self.all_dirty = True
            self.changed()

    def changed(self) -> None:
        self.changes += 1

    def touch_edge(
        self,
        corpid: str,
        userid: str,
        key: str,
        put: Iterable[str] = (),
        taken: Iterable[str] = (),
        by_staff: bool = False,
    ) -> None:
        """The relation of a member and a customer changed, came or went; tags went on and off."""
        ledger, relation = self.data["ledger"].setdefault(corpid, {}), f"{userid.lower()}|{key}"
        self._write_later("edge", corpid, relation)
        row = ledger.setdefault(relation, {"at": 0, "tags": {}})
        row["at"] = int(self.precise_now() * 1000)
        first = 2 if by_staff else 0
        for tags, place in ((put, first), (taken, first + 1)):
            for tag_id in tags:
                row["tags"].setdefault(tag_id, [0, 0, 0, 0])[place] += 1

    def touch_person(self, person: str) -> None:
        self._write_later("person", "", person)

    def touch_fan(self, appid: str, openid: str) -> None:
        """A follower of an Official Account changed, came or went."""
        self._write_later("fan", appid, openid)

    def _write_later(self, kind: str, owner: str, name: str) -> None:
        if self.kept:
            self.dirty.add((kind, owner, name))

    def now(self) -> int:
        return int(self.precise_now())

    def precise_now(self) -> float:
        return time.time() + float(self.switches["clock_skew_seconds"])

    def number(self) -> int:
        """A number never given before in this world."""
        with self.lock:
            self.data["sequence"] += 1
            self.changed()
            return int(self.data["sequence"])

    # --- who is who -----------------------------------------------------------------------------

    def index(self) -> None:
        self._openids.clear()
        self._externals.clear()
        for person in self.data["people"]:
            self.index_person(person)
        for appid, fans in self.data["fans"].items():
            self._openids.setdefault(appid, {}).update({key: fan["person"] for key, fan in fans.items()})

    def index_person(self, person: str) -> None:
        """Of the many of a populated world only those ids are known that are used."""
        for corpid in self.data["corps"]:
            self.know_external(person, corpid)
        if not self.data["people"][person].get("many"):
            for account in self.data["accounts"].values():
                if account["kind"] != "wecom":
                    self.know_openid(person, account["appid"])

    def know_openid(self, person: str, appid: str) -> str:
        openid = ids.openid(person, appid)
        self._openids.setdefault(appid, {})[openid] = person
        return openid

    def know_external(self, person: str, corpid: str) -> str:
        key = ids.external_userid(person, corpid)
        self._externals.setdefault(corpid, {})[key] = person
        return key

    def owner_of_openid(self, openid: str) -> tuple[str, str] | None:
        """The person and the appid an openid belongs to."""
        for appid, known in self._openids.items():
            if openid in known:
                return known[openid], appid
        return None

    def person_of_openid(self, openid: Any, appid: str) -> str | None:
        return self._openids.get(appid, {}).get(openid) if isinstance(openid, str) else None

    def person_of_external(self, corpid: str, external: Any) -> str | None:
        return self._externals.get(corpid, {}).get(external) if isinstance(external, str) else None

    def unionid(self, person: str, account: Doc) -> str | None:
        bound, platform = account.get("open_platform"), platform_of(account)
        if not bound or self.switches[f"{platform}.unionid_missing"]:
            return None
        # Of some people a platform does not tell it (not yet).
        if platform in self.data["people"].get(person, {}).get("no_unionid", ()):
            return None
        return ids.unionid(person, bound)

    # --- look-ups of the control side -------------------------------------------------------------

    def account(self, key: str) -> Doc | None:
        found: Doc | None = self.data["accounts"].get(key)
        return found

    def apps_of(self, corpid: str) -> list[Doc]:
        return [a for a in self.data["accounts"].values() if a.get("corpid") == corpid]

    def need_account(self, key: Any, kind: str | None = None) -> Doc:
        """The named account, or without a name the first of the kind."""
        for account in self.data["accounts"].values():
            if key in (None, "") and kind in (None, account["kind"]):
                return dict_of(account)
            if key not in (None, "") and account["id"] == key and kind in (None, account["kind"]):
                return dict_of(account)
        raise ActError(TEXTS["no_account"].format(key))

    def need_corp(self, corpid: Any) -> tuple[str, Doc]:
        for known, corp in self.data["corps"].items():
            if corpid in (None, "", known):
                return known, corp
        raise ActError(TEXTS["no_corp"].format(corpid))

    def need_person(self, person: Any) -> Doc:
        found = self.data["people"].get(person)
        if found is None:
            raise ActError(TEXTS["no_person"].format(person))
        return dict_of(found)

    def need_staff(self, corp: Doc, userid: Any) -> Doc:
        found = corp["staff"].get(str(userid or "").lower())
        if found is None:
            raise ActError(TEXTS["no_staff"].format(userid))
        return dict_of(found)

    def person_shown(self, person: Doc) -> Doc:
        key = person["id"]
        accounts = self.data["accounts"].values()
        platforms = {a["open_platform"] for a in accounts if a.get("open_platform")}
        return {
            "id": key,
            "name": person["name"],
            "phone": person["phone"],
            "openids": {a["appid"]: ids.openid(key, a["appid"]) for a in accounts if a["kind"] != "wecom"},
            "unionids": {name: ids.unionid(key, name) for name in sorted(platforms)},
            "external_userids": {c: ids.external_userid(key, c) for c in self.data["corps"]},
        }


def dict_of(found: Any) -> Doc:
    result: Doc = found
    return result


def platform_of(account: Doc) -> str:
    return "wecom" if account["kind"] == "wecom" else "wechat"
