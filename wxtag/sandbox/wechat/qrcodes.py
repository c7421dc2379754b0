"""QR codes with a scene."""

from typing import Any

from flask import Response, request

from wxtag.sandbox import ids
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.picture import png
from wxtag.sandbox.wechat.gate import OFFICIAL, wechat_api
from wxtag.sandbox.world import Doc

_LONGEST, _MOST_PERMANENT = 2_592_000, 100_000
_ACTIONS = {
    "QR_SCENE": (False, "scene_id"),
    "QR_STR_SCENE": (False, "scene_str"),
    "QR_LIMIT_SCENE": (True, "scene_id"),
    "QR_LIMIT_STR_SCENE": (True, "scene_str"),
}


def _scene(value: Any, name: str, permanent: bool) -> Any:
    if name == "scene_str":
        good = isinstance(value, str) and 1 <= len(value) <= 64
    else:
        most = 100_000 if permanent else 2**32 - 1
        good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
    if not good:
        raise ApiError(40053)
    return value


@wechat_api("qrcode/create", kinds=OFFICIAL)
def create(call: Call) -> Doc:
    body, world = call.body, call.sandbox.world
    action = _ACTIONS.get(str(body.get("action_name")))
    if action is None:
        raise ApiError(40052)
    permanent, name = action
    info = body.get("action_info")
    scene = info.get("scene") if isinstance(info, dict) else None
    if not isinstance(scene, dict):
        raise ApiError(40053)
    value = _scene(scene.get(name), name, permanent)
    codes, appid = world.data["qrcodes"], call.account["appid"]
    seconds = None
    if not permanent:
        seconds = body.get("expire_seconds") or 60
        if not isinstance(seconds, int) or not 1 <= seconds <= _LONGEST:
            raise ApiError(40035)
    elif sum(1 for qr in codes.values() if qr["appid"] == appid and qr["expires"] is None) >= _MOST_PERMANENT:
        raise ApiError(45029)
    ticket = "gQ" + ids.new_text(90)
    expires = None if seconds is None else world.now() + seconds
    codes[ticket] = {"appid": appid, "scene": value, "expires": expires, "ticket": ticket}
    world.changed()
    shown: Doc = {"ticket": ticket}
    if seconds is not None:
        shown["expire_seconds"] = seconds
    return {**shown, "url": f"http://weixin.qq.com/q/02{ids.fixed_text(22, 'url', ticket)}"}


@wechat_api("showqrcode", "GET", token=False)
def showqrcode(call: Call) -> Response:
    ticket = request.args.get("ticket", "")
    if ticket not in call.sandbox.world.data["qrcodes"]:
        return Response(status=404)
    return Response(png(ticket), content_type="image/png")
