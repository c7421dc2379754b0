"""The buttons of an Official Account's menu, as a follower presses them."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.acts.fans import MENU_ANSWERS, MENU_SECONDS, event, need_fan, open_window, visitor
from wxtag.sandbox.acts.messages import send_location
from wxtag.sandbox.acts.place import coordinates
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc


@act("menu_click")
def menu_click(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    open_window(sandbox, account, openid, MENU_ANSWERS, MENU_SECONDS)
    return event(sandbox, account, openid, "CLICK", ("EventKey", str(body.get("key") or "")))


@act("menu_view")
def menu_view(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    menu = int(ids.hexes(8, "menu", account["appid"]), 16)
    return event(sandbox, account, openid, "VIEW", ("EventKey", str(body.get("url") or "")), ("MenuId", menu))


@act("menu_mini_program")
def menu_mini_program(sandbox: Sandbox, body: Doc) -> Doc:
    """The button opens a mini-program at `page`."""
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    menu = int(ids.hexes(8, "menu", account["appid"]), 16)
    more = (("EventKey", str(body.get("page") or "pages/index")), ("MenuId", menu))
    return event(sandbox, account, openid, "view_miniprogram", *more)


@act("menu_scan")
def menu_scan(sandbox: Sandbox, body: Doc) -> Doc:
    """The button scans a code: `result`; with `wait` the account is waited for."""
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    open_window(sandbox, account, openid, MENU_ANSWERS, MENU_SECONDS)
    name = "scancode_waitmsg" if body.get("wait") else "scancode_push"
    info = [("ScanType", str(body.get("type") or "qrcode")), ("ScanResult", str(body.get("result") or ""))]
    return event(
        sandbox, account, openid, name, ("EventKey", str(body.get("key") or "")), ("ScanCodeInfo", info)
    )


@act("menu_photo")
def menu_photo(sandbox: Sandbox, body: Doc) -> Doc:
    """The button sends `count` pictures; `from` camera, both (default) or album."""
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    names = {"camera": "pic_sysphoto", "both": "pic_photo_or_album", "album": "pic_weixin"}
    name = names.get(str(body.get("from") or "both"))
    if name is None:
        raise ActError(TEXTS["bad_value"].format(body.get("from")))
    count = int(body.get("count") or 1)
    items: list[Any] = [("item", [("PicMd5Sum", ids.new_hex(32))]) for _ in range(count)]
    info = [("Count", count), ("PicList", items)]
    return event(
        sandbox, account, openid, name, ("EventKey", str(body.get("key") or "")), ("SendPicsInfo", info)
    )


@act("menu_location")
def menu_location(sandbox: Sandbox, body: Doc) -> Doc:
    """The button asks for a place; the location message itself follows as a push of its own."""
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    latitude, longitude, label = coordinates(body)
    info = [
        ("Location_X", f"{latitude:.6f}"),
        ("Location_Y", f"{longitude:.6f}"),
        ("Scale", str(body.get("scale") or 15)),
        ("Label", str(body.get("label") or label)),
        ("Poiname", str(body.get("poi") or "")),
    ]
    more = (("EventKey", str(body.get("key") or "")), ("SendLocationInfo", info))
    first = event(sandbox, account, openid, "location_select", *more)
    then = send_location(sandbox, body)
    return {"openid": openid, "deliveries": first["deliveries"] + then["deliveries"]}
