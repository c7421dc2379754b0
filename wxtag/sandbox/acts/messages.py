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
from wxtag.sandbox.pushes import Bare
from wxtag.sandbox.world import Doc

SESSION_ANSWERS = 2
_FIRST_MESSAGE = 24_810_012_000_000_000


def _message(sandbox: Sandbox, account: Doc, openid: str, kind: str, *more: tuple[str, Any]) -> Doc:
    open_window(sandbox, account, openid, TALK_ANSWERS, TALK_SECONDS)
    number = _FIRST_MESSAGE + sandbox.world.number()
    fields = [*head(sandbox, account, openid, kind), *more, ("MsgId", number)]
    delivery = sandbox.courier.push(account, fields, openid)
    return {"openid": openid, "msgid": str(number), "deliveries": [delivery]}


@act("send_text")
def send_text(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body)
    need_fan(sandbox, account, openid)
    return _message(sandbox, account, openid, "text", ("Content", str(body.get("text") or "")))


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


@act("mini_enter_session")
def mini_enter_session(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, openid = visitor(sandbox, body, "mini_program")
    open_window(sandbox, account, openid, SESSION_ANSWERS, MENU_SECONDS)
    source = str(body.get("session_from") or "")
    return event(sandbox, account, openid, "user_enter_tempsession", ("SessionFrom", source))
