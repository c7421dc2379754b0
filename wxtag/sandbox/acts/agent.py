"""What members do in an app of the corp: entering, the menu, places, messages."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.acts.place import coordinates
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.pushes import Bare, Fields
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

_MENU = {"click", "view", "view_miniprogram"}
_PICTURES = {"pic_sysphoto", "pic_photo_or_album", "pic_weixin"}


def _push(sandbox: Sandbox, body: Doc, kind: str, more: Fields) -> Doc:
    """`account` names the app; the sender is the member."""
    app = sandbox.world.need_account(body.get("account"), "wecom")
    corp = sandbox.world.data["corps"][app["corpid"]]
    userid = sandbox.world.need_staff(corp, body.get("userid"))["userid"]
    fields: Fields = [("ToUserName", app["corpid"]), ("FromUserName", userid)]
    fields += [("CreateTime", sandbox.world.now()), ("MsgType", kind), *more, ("AgentID", app["agentid"])]
    return {"deliveries": [sandbox.courier.push(app, fields)]}


@act("agent_event")
def agent_event(sandbox: Sandbox, body: Doc) -> Doc:
    """`event` enter_agent, click, view, scancode_push, pic_weixin, template_card_event, …"""
    name, key = str(body.get("event") or "enter_agent"), str(body.get("key") or "")
    more: Fields = [("Event", name), ("EventKey", key)]
    if name in ("subscribe", "unsubscribe"):
        more = [("Event", name)]
    elif name in ("scancode_push", "scancode_waitmsg"):
        more.append(("ScanCodeInfo", [("ScanType", "qrcode"), ("ScanResult", str(body.get("result") or ""))]))
    elif name in _PICTURES:
        items: Any = [("item", [("PicMd5Sum", ids.new_hex(32))]) for _ in range(int(body.get("count") or 1))]
        more.append(("SendPicsInfo", [("Count", len(items)), ("PicList", items)]))
    elif name in ("template_card_event", "template_card_menu_event"):
        more += [("TaskId", str(body.get("task") or "task-1")), ("CardType", "button_interaction")]
        more.append(("ResponseCode", ids.new_text(40)))
    elif name == "batch_job_result":
        job = [("JobId", ids.new_text(20)), ("JobType", "sync_user"), ("ErrCode", 0), ("ErrMsg", "ok")]
        more = [("Event", name), ("BatchJob", job)]
    elif name != "enter_agent" and name not in _MENU:
        raise ActError(TEXTS["bad_value"].format(name))
    return _push(sandbox, body, "event", more)


@act("agent_location")
def agent_location(sandbox: Sandbox, body: Doc) -> Doc:
    """The place a member's client reports; with `select` the one chosen by a menu button."""
    latitude, longitude, label = coordinates(body)
    if body.get("select"):
        info = [("Location_X", f"{latitude:.6f}"), ("Location_Y", f"{longitude:.6f}"), ("Scale", "15")]
        info += [("Label", label), ("Poiname", "")]
        more: Fields = [("Event", "location_select"), ("EventKey", str(body.get("key") or ""))]
        return _push(sandbox, body, "event", [*more, ("SendLocationInfo", info)])
    more = [
        ("Event", "LOCATION"),
        ("Latitude", Bare(f"{latitude:.6f}")),
        ("Longitude", Bare(f"{longitude:.6f}")),
    ]
    more += [("Precision", Bare("65.000000")), ("AppType", "wxwork")]
    return _push(sandbox, body, "event", more)


@act("agent_message")
def agent_message(sandbox: Sandbox, body: Doc) -> Doc:
    """`type` text, image, voice, video, location or link."""
    kind, media = str(body.get("type") or "text"), ids.new_text(40)
    shapes: dict[str, Fields] = {
        "text": [("Content", str(body.get("text") or ""))],
        "image": [("PicUrl", f"https://p.qpic.cn/{media[:16]}/0"), ("MediaId", media)],
        "voice": [("MediaId", media), ("Format", "amr")],
        "video": [("MediaId", media), ("ThumbMediaId", ids.new_text(40))],
        "link": [
            (name, str(body.get(name.lower()) or "")) for name in ("Title", "Description", "Url", "PicUrl")
        ],
    }
    if kind == "location":
        latitude, longitude, label = coordinates(body)
        where: Fields = [("Location_X", Bare(f"{latitude:.6f}")), ("Location_Y", Bare(f"{longitude:.6f}"))]
        shapes[kind] = [*where, ("Scale", 16), ("Label", label), ("AppType", "wxwork")]
    if kind not in shapes:
        raise ActError(TEXTS["bad_value"].format(kind))
    number = 7_300_000_000_000_000_000 + sandbox.world.number()
    return _push(sandbox, body, kind, [*shapes[kind], ("MsgId", number)])
