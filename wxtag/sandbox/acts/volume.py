"""A world of many: customers spread over staff, and fans, made in one go and without events."""

import random
import time

from wxtag.sandbox import library
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.defaults import add_staff
from wxtag.sandbox.edge import NO_TAGS, Edge, mark_by
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

MOST = 2_000_000


def _percent(body: Doc, name: str, usual: float) -> float:
    return float(usual if body.get(name) is None else body[name]) / 100


def _people(sandbox: Sandbox, prefix: str, count: int, shown: float, chance: random.Random) -> list[str]:
    """New people; of some of them WeCom tells no unionid."""
    people, made = sandbox.world.data["people"], []
    for number in range(count):
        key = f"{prefix}-{number:07d}"
        person: Doc = {"id": key, "name": key, "phone": f"1{30_000_000_00 + len(people):010d}", "many": 1}
        if shown < 1 and chance.random() >= shown:
            person["no_unionid"] = ("wecom",)
        people[key] = person
        made.append(key)
    return made


def _staff(sandbox: Sandbox, corpid: str, prefix: str, wanted: object) -> list[str]:
    """The named members, or that many new ones."""
    corp = sandbox.world.data["corps"][corpid]
    if isinstance(wanted, list):
        return [sandbox.world.need_staff(corp, userid)["userid"] for userid in wanted]
    names = [f"{prefix}-staff-{number:04d}" for number in range(int(str(wanted or 10)))]
    for name in names:
        if name not in corp["staff"]:
            add_staff(sandbox.world, corpid, {"userid": name})
    return names


def _befriend(
    sandbox: Sandbox, corpid: str, people: list[str], staff: list[str], body: Doc, chance: random.Random
) -> int:
    world, corp = sandbox.world, sandbox.world.data["corps"][corpid]
    now, tagged, each = world.now(), _percent(body, "tag_percent", 0), int(body.get("tags_each") or 1)
    library_tags = [t["id"] for g in library.live_groups(corp) for t in library.tags_of(corp, g["id"])]
    by, followers = mark_by("app", 0), min(int(body.get("followers") or 1), len(staff))
    tables = [corp["edges"][name.lower()] for name in staff]
    made = 0
    for number, person in enumerate(people):
        key = world.know_external(person, corpid)
        for turn in range(followers):
            place = (number + turn) % len(staff)
            edge = Edge(staff[place], now - chance.randrange(31_536_000), 0.0)
            edge.add_way, edge.oper_userid = 1, key
            if library_tags and tagged and chance.random() < tagged:
                picked = chance.sample(library_tags, min(each, len(library_tags)))
                edge.tags = dict.fromkeys(picked, by)
            else:
                edge.tags = NO_TAGS
            tables[place][key] = edge
            made += 1
    return made


def _follow(sandbox: Sandbox, appid: str, people: list[str], body: Doc, chance: random.Random) -> int:
    world, fans = sandbox.world, sandbox.world.data["fans"][appid]
    numbers = [row["id"] for row in world.data["oa_tags"][appid].values()]
    tagged, begun = _percent(body, "fan_tag_percent", 0), world.now() - len(people)
    for number, person in enumerate(people):
        tags = [chance.choice(numbers)] if numbers and chance.random() < tagged else []
        fans[world.know_openid(person, appid)] = {
            "person": person, "subscribe": 1, "subscribe_time": begun + number,
            "subscribe_scene": "ADD_SCENE_SEARCH", "qr_scene": 0, "qr_scene_str": "", "tags": tags,
            "remark": "",
        }  # fmt: skip
    return len(people)


@act("populate")
def populate(sandbox: Sandbox, body: Doc) -> Doc:
    """`customers` of `staff` members, `fans` of whom `overlap_percent` are customers; no events."""
    began, world = time.monotonic(), sandbox.world
    customers, fans = int(body.get("customers") or 0), int(body.get("fans") or 0)
    if not 0 < customers + fans <= MOST:
        raise ActError(TEXTS["bad_value"].format(f"customers + fans: 1 - {MOST}"))
    corpid, _ = world.need_corp(body.get("corpid"))
    appid = world.need_account(body.get("appid"), "official_account")["appid"] if fans else ""
    chance, prefix = random.Random(int(body.get("seed") or 1)), str(body.get("prefix") or "many")
    shown = _percent(body, "unionid_percent", 100)
    people = _people(sandbox, prefix, customers, shown, chance)
    relations = 0
    if people:
        staff = _staff(sandbox, corpid, prefix, body.get("staff"))
        relations = _befriend(sandbox, corpid, people, staff, body, chance)
    both = min(len(people), int(fans * _percent(body, "overlap_percent", 50)))
    strangers = _people(sandbox, f"{prefix}-fan", fans - both, 1, chance)
    followed = _follow(sandbox, appid, people[:both] + strangers, body, chance) if fans else 0
    world.all_dirty = True
    world.changed()
    spent = round(time.monotonic() - began, 2)
    return {"relations": relations, "fans": followed, "both": both, "seconds": spent}
