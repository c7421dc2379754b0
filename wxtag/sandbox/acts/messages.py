"""Messages of a person to an Official Account or to a mini-program's customer service."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.acts.fans import (
    MENU_SECONDS,
    TALK_ANSWERS,
    TALK_SECONDS,
    event,
    head,
    need_fan,
    open_window,
    visitor,
)
from wxtag.sandbox.acts.place import coordinates
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.pushes import Bare, Fields
from wxtag.sandbox.world import Doc

SESSION_ANSWERS = 2
_FIRST_MESSAGE = 24_810_012_000_000_000


def _message(
    sandbox: Sandbox, account: Doc, openid: str, kind: str, *more: tuple[str, Any], article: Any = None
) -> Doc:
    open_window(sandbox, account, openid, TALK_ANSWERS, TALK_SECONDS)
    number = _FIRST_MESSAGE + sandbox.world.number()
    fields = [*head(sandbox, account, openid, kind), *more, ("MsgId", number)]
    if article:
        # Written from an article: the first one of a message.
        fields += [("MsgDataId", str(article)), ("Idx", 1)]
    delivery = sandbox.courier.push(account, fields, openid)
    return {"openid": openid, "msgid": str(number), "deliveries": [delivery]}


@act("send_text")
def send_text(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    more: Fields = [("Content", str(body.get("text") or ""))]
    if body.get("menu_id"):
        more.append(("bizmsgmenuid", str(body["menu_id"])))
    return _message(sandbox, account, openid, "text", *more, article=body.get("article"))


@act("send_voice")
def send_voice(sandbox: Sandbox, body: Doc) -> Doc:
    """`recognition` is the text the platform heard, where that is switched on."""
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    more: Fields = [("MediaId", ids.new_text(40)), ("Format", str(body.get("format") or "amr"))]
    if body.get("recognition") is not None:
        more.append(("Recognition", str(body["recognition"])))
    return _message(sandbox, account, openid, "voice", *more)


@act("send_video")
def send_video(sandbox: Sandbox, body: Doc) -> Doc:
    """`short` true for a short video."""
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    kind = "shortvideo" if body.get("short") else "video"
    media = (("MediaId", ids.new_text(40)), ("ThumbMediaId", ids.new_text(40)))
    return _message(sandbox, account, openid, kind, *media)


@act("send_link")
def send_link(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    names = {"title": "Title", "description": "Description", "url": "Url"}
    more = [(name, str(body.get(key) or "")) for key, name in names.items()]
    return _message(sandbox, account, openid, "link", *more)


@act("send_location")
def send_location(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    latitude, longitude, name = coordinates(body)
    return _message(
        sandbox, account, openid, "location",
        # X is the latitude, Y the longitude.
        ("Location_X", Bare(f"{latitude:.6f}")),
        ("Location_Y", Bare(f"{longitude:.6f}")),
        ("Scale", int(body.get("scale") or 16)),
        ("Label", str(body.get("label") or name)),
    )  # fmt: skip


@act("send_image")
def send_image(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    url = str(body.get("url") or f"http://mmbiz.qpic.cn/mmbiz_jpg/{ids.new_text(16)}/0")
    return _message(sandbox, account, openid, "image", ("PicUrl", url), ("MediaId", ids.new_text(40)))


@act("mini_message")
def mini_message(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body, "mini_program")
    return _message(sandbox, account, openid, "text", ("Content", str(body.get("text") or "")))


@act("mini_image")
def mini_image(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body, "mini_program")
    url = str(body.get("url") or f"http://mmbiz.qpic.cn/mmbiz_jpg/{ids.new_text(16)}/0")
    return _message(sandbox, account, openid, "image", ("PicUrl", url), ("MediaId", ids.new_text(40)))


@act("mini_card")
def mini_card(sandbox: Sandbox, body: Doc) -> Doc:
    """A card of a page of the mini-program."""
    account, _, openid = visitor(sandbox, body, "mini_program")
    return _message(
        sandbox, account, openid, "miniprogrampage",
        ("Title", str(body.get("title") or "")),
        ("AppId", account["appid"]),
        ("PagePath", str(body.get("page") or "pages/index")),
        ("ThumbUrl", f"http://mmbiz.qpic.cn/mmbiz_jpg/{ids.new_text(16)}/0"),
        ("ThumbMediaId", ids.new_text(40)),
    )  # fmt: skip


@act("mini_enter_session")
def mini_enter_session(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body, "mini_program")
    open_window(sandbox, account, openid, SESSION_ANSWERS, MENU_SECONDS)
    source = str(body.get("session_from") or "")
    return event(sandbox, account, openid, "user_enter_tempsession", ("SessionFrom", source))
