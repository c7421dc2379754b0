"""Subscription notices: sent once for every time a person agreed, with the event of the result."""

from wxtag.sandbox.acts.notices import granted, sent_event
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wechat.gate import MINI, OFFICIAL, OK, person_of, wechat_api
from wxtag.sandbox.world import Doc

_FIRST = 1_864_000_000_000_000_000


def _send(call: Call) -> Doc:
    body, world = call.body, call.sandbox.world
    openid, template = str(body.get("touser") or ""), str(body.get("template_id") or "")
    person_of(call, openid)
    if not template:
        raise ApiError(40037)
    data = body.get("data")
    if not isinstance(data, dict) or not all(isinstance(item, dict) for item in data.values()):
        raise ApiError(47003)
    long = [key for key, item in data.items() if key.startswith("thing") and len(str(item.get("value"))) > 20]
    if long:
        raise ApiError(47003, f"argument invalid! data.{long[0]}.value invalid")
    left = granted(call.sandbox, call.account, openid)
    if not left.get(template):
        raise ApiError(43101)
    left[template] -= 1
    number = _FIRST + world.number()
    inbox = world.data["inbox"].setdefault(openid, [])
    inbox.append({"at": world.now(), "type": "notice", "content": data})
    sent_event(call.sandbox, call.account, openid, template, number)
    world.changed()
    return dict(OK)


@wechat_api("message/subscribe/bizsend", kinds=OFFICIAL)
def bizsend(call: Call) -> Doc:
    return _send(call)


@wechat_api("message/subscribe/send", kinds=MINI)
def subscribe_send(call: Call) -> Doc:
    return _send(call)
