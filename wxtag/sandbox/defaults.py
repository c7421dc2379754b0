"""The world to begin with, and how accounts, people and staff come into it."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.library import create_tags
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc, World, empty_corp

CORP = "ww5a17d0c0ffee0001"
OFFICIAL_ACCOUNT = "wx5a17d0c0ffee0a01"
MINI_PROGRAM = "wx5a17d0c0ffee0b01"
OPEN_PLATFORM = "sandbox-open"

_SHOWN = {
    "wecom": ("kind", "corpid", "agentid", "secret", "token", "aes_key", "name", "open_platform"),
    "official_account": ("kind", "appid", "secret", "token", "aes_key", "mode", "name", "open_platform"),
    "mini_program": (
        "kind", "appid", "secret", "token", "aes_key", "mode", "format", "name", "open_platform",
    ),
}  # fmt: skip
# An app's place in the corp decides what it may call and which events it gets.
ROLES = ("app", "contact_sync", "customer_contact", "agent_development")
MODES = ("plain", "compatible", "safe")
_SETTINGS = {
    "secret", "token", "aes_key", "mode", "format", "name", "open_platform", "verified", "ip_allowed",
    "callable", "enabled", "visible", "migrated_from", "empty_names", "callback_url",
    "role", "restricted",
}  # fmt: skip


def account_shown(account: Doc) -> Doc:
    """Exactly the document a product binds the account with."""
    return {key: account[key] for key in _SHOWN[account["kind"]]}


def add_account(world: World, wanted: Doc, fixed: bool = False) -> Doc:
    """Makes an account; what is not said is made (the same each time in the world to begin with)."""
    kind = wanted.get("kind")
    if kind not in _SHOWN:
        raise ActError(TEXTS["bad_kind"].format(kind))
    wecom = kind == "wecom"
    name = "corpid" if wecom else "appid"
    key = str(wanted.get(name) or ("ww" if wecom else "wx") + ids.new_hex(16))
    made: Doc = {
        "kind": kind,
        name: key,
        "secret": ids.fixed_text(43, "secret", key) if wecom else ids.hexes(32, "secret", key),
        "token": ids.fixed_text(24, "token", key),
        "aes_key": ids.fixed_text(43, "aes", key),
        "name": TEXTS["new_" + kind],
        "open_platform": OPEN_PLATFORM,
        "ip_allowed": [],
        "verified": True,
        "enabled": True,
        "callback_url": None,
    }
    if not fixed:
        made["secret"] = ids.new_text(43) if wecom else ids.new_hex(32)
        made["token"], made["aes_key"] = ids.new_text(24), ids.new_text(43)
    if wecom:
        made.update(
            {
                "agentid": 1000002,
                "callable": True,
                "visible": None,
                "role": "app",
                "restricted": True,
                "format": "xml",
            }
        )
    else:
        made.update({"mode": "safe", "original_id": ids.original_id(key), "migrated_from": []})
    if kind == "mini_program":
        made["format"] = "json"
    made.update({k: v for k, v in wanted.items() if k in made and (v is not None or k == "open_platform")})
    check_values(made)
    with world.lock:
        accounts = world.data["accounts"]
        made["id"] = key
        if wecom and any(a["agentid"] == made["agentid"] for a in world.apps_of(key)):
            raise ActError(TEXTS["account_exists"].format(key))
        if key in accounts:
            if not wecom:
                raise ActError(TEXTS["account_exists"].format(key))
            # A second app of the same corp: its own secret and callbacks, the same customers.
            made["id"] = f"{key}:{made['agentid']}"
        accounts[made["id"]] = made
        if wecom:
            world.data["corps"].setdefault(key, _new_corp(made["name"]))
        else:
            world.data["fans"].setdefault(key, {})
            world.data["oa_tags"].setdefault(key, {})
        world.index()
        world.changed()
    return made


def check_values(account: Doc) -> None:
    if account["kind"] == "wecom":
        account["agentid"] = int(account["agentid"])
        if account["role"] not in ROLES:
            raise ActError(TEXTS["bad_role"].format(account["role"]))
        if account["format"] not in ("xml", "json"):
            raise ActError(TEXTS["bad_mode"])
    elif account["mode"] not in MODES or account.get("format", "xml") not in ("xml", "json"):
        raise ActError(TEXTS["bad_mode"])
    if len(account["aes_key"]) != 43 or not account["aes_key"].isalnum():
        raise ActError(TEXTS["bad_aes_key"])


def change_account(world: World, account: Doc, values: Doc) -> None:
    unknown = set(values) - _SETTINGS
    if unknown:
        raise ActError(TEXTS["unknown_settings"].format("、".join(sorted(unknown))))
    if "empty_names" in values:
        world.switches.set({"wechat.userinfo_names": "empty" if values.pop("empty_names") else "absent"})
    with world.lock:
        check_values({**account, **values})
        account.update(values)
        world.changed()


def _new_corp(name: str) -> Doc:
    head = {"1": {"id": 1, "name": TEXTS["head_office"], "parentid": 0, "order": 1}}
    return {**empty_corp(), "name": name, "departments": head}


def add_person(world: World, name: Any, key: Any = None, phone: Any = None) -> Doc:
    with world.lock:
        people = world.data["people"]
        number = world.number()
        key = str(key or f"p{number}")
        if key in people:
            raise ActError(TEXTS["person_exists"].format(key))
        phone = str(phone or f"138{10_000_000 + number:08d}")
        people[key] = {"id": key, "name": str(name or key), "phone": phone}
        world.index_person(key)
        world.touch_person(key)
        return world.person_shown(people[key])


def add_staff(world: World, corpid: str, wanted: Doc) -> Doc:
    with world.lock:
        corp = world.data["corps"][corpid]
        userid = str(wanted.get("userid") or f"staff{world.number()}")
        if userid.lower() in corp["staff"]:
            raise ActError(TEXTS["staff_exists"].format(userid))
        listed = [int(part) for part in wanted.get("departments") or []]
        department = int(wanted.get("department") or (listed or [1])[0])
        for part in [department, *listed]:
            if str(part) not in corp["departments"]:
                label = TEXTS["department"].format(part)
                row = {"id": part, "name": label, "parentid": 1, "order": part}
                corp["departments"][str(part)] = row
        member = {
            "userid": userid,
            "name": str(wanted.get("name") or userid),
            "department": department,
            "departments": listed,
            "mobile": str(wanted.get("mobile") or f"139{10_000_000 + world.number():08d}"),
            "position": str(wanted.get("position") or ""),
            "status": int(wanted.get("status") or 1),
            "customer_contact": bool(wanted.get("customer_contact", True)),
            "licensed": bool(wanted.get("licensed", True)),
            "wechat_bound": bool(wanted.get("wechat_bound", True)),
            "email": str(wanted.get("email") or ""),
            "biz_mail": str(wanted.get("biz_mail") or ""),
        }
        corp["staff"][userid.lower()] = member
        corp["edges"].setdefault(userid.lower(), {})
        world.changed()
        return {"corpid": corpid, **member}


def fill(world: World) -> None:
    """The world by default, with ids that never change."""
    add_account(world, {"kind": "wecom", "corpid": CORP, "name": "小满茶铺"}, fixed=True)
    service = {"kind": "official_account", "appid": OFFICIAL_ACCOUNT, "name": "小满茶铺"}
    add_account(world, service, fixed=True)
    mini = {"kind": "mini_program", "appid": MINI_PROGRAM, "name": "小满茶铺点单"}
    add_account(world, mini, fixed=True)
    corp = world.data["corps"][CORP]
    corp["departments"]["2"] = {"id": 2, "name": "杭州门店", "parentid": 1, "order": 2}
    add_staff(world, CORP, {"userid": "ZhaoMin", "name": "赵敏", "department": 2, "position": "门店顾问"})
    add_staff(world, CORP, {"userid": "ChenYu", "name": "陈宇", "department": 2, "position": "门店顾问"})
    add_person(world, "林晓", "lin", "13800000017")
    add_person(world, "王强", "wang", "13800000028")
    add_person(world, "梅子", "mei", "13800000039")
    create_tags(world, CORP, "console", "客户等级", [("重要客户", 20), ("普通客户", 10)], order=10)
    world.changed()
