"""Acts of a person towards an Official Account: following, scanning, reporting a place, the menu."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.acts.place import coordinates
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.pushes import Bare, Fields
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

MENU_ANSWERS, MENU_SECONDS = 3, 60
TALK_ANSWERS, TALK_SECONDS = 5, 48 * 3600


def visitor(sandbox: Sandbox, body: Doc, kind: str | None = "official_account") -> tuple[Doc, Doc, str]:
    """The account, the person, and the person's openid there."""
    wanted = kind or (None if body.get("appid") else "official_account")
    account = sandbox.world.need_account(body.get("appid"), wanted)
    if account["kind"] == "wecom":
        raise ActError(TEXTS["no_account"].format(body.get("appid")))
    person = sandbox.world.need_person(body.get("person"))
    return account, person, sandbox.world.know_openid(person["id"], account["appid"])


def head(sandbox: Sandbox, account: Doc, sender: str, kind: str = "event") -> Fields:
    now = sandbox.world.now()
    json_text = sandbox.world.switches["wechat.json_create_time"] == "string"
    as_text = account.get("format") == "json" and json_text
    return [
        ("ToUserName", account["original_id"]),
        ("FromUserName", sender),
        ("CreateTime", str(now) if as_text else now),
        ("MsgType", kind),
    ]


def event(sandbox: Sandbox, account: Doc, openid: str, name: str, *more: tuple[str, Any]) -> Doc:
    fields = [*head(sandbox, account, openid), ("Event", name), *more]
    return {"openid": openid, "deliveries": [sandbox.courier.push(account, fields, openid)]}


def open_window(sandbox: Sandbox, account: Doc, openid: str, answers: int, seconds: int) -> None:
    """The account may send this many customer messages for this long."""
    windows, key, now = sandbox.world.data["windows"], f"{account['appid']}|{openid}", sandbox.world.now()
    # A window that is used up still tells "too many" from "too late".
    windows[key] = [w for w in windows.get(key, []) if w["until"] > now][-20:]
    windows[key].append({"until": now + seconds, "left": answers})
    sandbox.world.changed()


def fan_of(sandbox: Sandbox, account: Doc, openid: str) -> Doc | None:
    fan: Doc | None = sandbox.world.data["fans"][account["appid"]].get(openid)
    return fan if fan and fan["subscribe"] else None


def need_fan(sandbox: Sandbox, account: Doc, openid: str) -> Doc:
    fan = fan_of(sandbox, account, openid)
    if fan is None:
        raise ActError(TEXTS["not_following"])
    return fan


def _code(sandbox: Sandbox, appid: str, scene: Any) -> Doc:
    """The QR code with this scene; one made outside of the interface has a ticket too."""
    now = sandbox.world.now()
    codes = [
        qr
        for qr in sandbox.world.data["qrcodes"].values()
        if qr["appid"] == appid and str(qr["scene"]) == str(scene)
    ]
    live = [qr for qr in codes if qr["expires"] is None or qr["expires"] > now]
    if codes and not live:
        raise ActError(TEXTS["code_expired"])
    if live:
        return dict(live[-1])
    return {"scene": scene, "ticket": "gQ" + ids.fixed_text(90, "qr", appid, str(scene))}


def _follow(sandbox: Sandbox, account: Doc, person: Doc, openid: str, scene: Any) -> Doc:
    switches, fans = sandbox.world.switches, sandbox.world.data["fans"][account["appid"]]
    old = fans.get(openid)
    more: Fields = []
    qr = _code(sandbox, account["appid"], scene) if scene not in (None, "") else None
    if qr:
        more = [("EventKey", f"qrscene_{qr['scene']}"), ("Ticket", qr["ticket"])]
    elif switches["wechat.empty_event_key"]:
        more = [("EventKey", "")]
    numeric = qr is not None and isinstance(qr["scene"], int)
    fans.pop(openid, None)
    fans[openid] = {
        "person": person["id"],
        "subscribe": 1,
        "subscribe_time": sandbox.world.now(),
        "subscribe_scene": switches["wechat.qr_follow_scene"] if qr else "ADD_SCENE_SEARCH",
        "qr_scene": qr["scene"] if qr and numeric else 0,
        "qr_scene_str": str(qr["scene"]) if qr and not numeric else "",
        "tags": old["tags"] if old and switches["wechat.tags_survive_unfollow"] else [],
        "remark": old["remark"] if old else "",
    }
    sandbox.world.touch_fan(account["appid"], openid)
    open_window(sandbox, account, openid, MENU_ANSWERS, MENU_SECONDS)
    return event(sandbox, account, openid, "subscribe", *more)


@act("follow")
def follow(sandbox: Sandbox, body: Doc) -> Doc:
    account, person, openid = visitor(sandbox, body)
    if fan_of(sandbox, account, openid):
        raise ActError(TEXTS["following"])
    return _follow(sandbox, account, person, openid, body.get("scene"))


@act("unfollow")
def unfollow(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    fan = need_fan(sandbox, account, openid)
    fan["subscribe"] = 0
    sandbox.world.data["windows"].pop(f"{account['appid']}|{openid}", None)
    sandbox.world.touch_fan(account["appid"], openid)
    return event(sandbox, account, openid, "unsubscribe", ("EventKey", ""))


@act("scan")
def scan(sandbox: Sandbox, body: Doc) -> Doc:
    account, person, openid = visitor(sandbox, body)
    scene = body.get("scene")
    if scene in (None, ""):
        raise ActError(TEXTS["no_scene"])
    if fan_of(sandbox, account, openid) is None:
        return _follow(sandbox, account, person, openid, scene)
    qr = _code(sandbox, account["appid"], scene)
    open_window(sandbox, account, openid, MENU_ANSWERS, MENU_SECONDS)
    more = (("EventKey", str(qr["scene"])), ("Ticket", qr["ticket"]))
    return event(sandbox, account, openid, "SCAN", *more)


@act("report_location")
def report_location(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    latitude, longitude, _ = coordinates(body)
    return event(
        sandbox, account, openid, "LOCATION",
        ("Latitude", Bare(f"{latitude:.6f}")),
        ("Longitude", Bare(f"{longitude:.6f}")),
        ("Precision", Bare(f"{float(body.get('precision') or 65):.6f}")),
    )  # fmt: skip
