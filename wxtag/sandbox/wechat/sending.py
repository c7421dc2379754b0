"""Messages from an account: customer messages within their windows, template messages, automatic replies."""

from wxtag.sandbox import ids
from wxtag.sandbox.acts.fans import event
from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.wechat.gate import OFFICIAL, OK, fans_of, person_of, wechat_api
from wxtag.sandbox.world import Doc

_KINDS = {"text", "image", "voice", "video", "music", "news", "mpnews", "mpnewsarticle", "msgmenu",
          "wxcard", "miniprogrampage", "link"}  # fmt: skip
_FIRST_TEMPLATE = 3_487_000_000_000_000_000
_KEPT = 500


@wechat_api("message/custom/send")
def custom_send(call: Call) -> Doc:
    body, world = call.body, call.sandbox.world
    openid, kind = body.get("touser"), body.get("msgtype")
    person_of(call, openid)
    if kind not in _KINDS or not isinstance(body.get(kind), dict):
        raise ApiError(47001)
    if world.switches["wechat.customer_windows"]:
        _use_window(call, str(openid))
    inbox = world.data["inbox"].setdefault(str(openid), [])
    inbox.append({"at": world.now(), "type": kind, "content": body[kind]})
    del inbox[:-_KEPT]
    world.changed()
    return dict(OK)


def _use_window(call: Call, openid: str) -> None:
    world = call.sandbox.world
    windows = world.data["windows"].get(f"{call.account['appid']}|{openid}", [])
    live = [window for window in windows if window["until"] > world.now()]
    if not live:
        raise ApiError(45015)
    # The window that closes first is used up first.
    usable = sorted((w for w in live if w["left"] > 0), key=lambda window: int(window["until"]))
    if not usable:
        raise ApiError(45047)
    usable[0]["left"] -= 1


@wechat_api("message/template/send", kinds=OFFICIAL)
def template_send(call: Call) -> Doc:
    body, world = call.body, call.sandbox.world
    openid = body.get("touser")
    person_of(call, openid)
    if not body.get("template_id"):
        raise ApiError(40037)
    if not isinstance(body.get("data"), dict):
        raise ApiError(47003)
    fan = fans_of(call).get(str(openid))
    if fan is None or not fan["subscribe"]:
        raise ApiError(43004)
    number = _FIRST_TEMPLATE + world.number()
    more = (("MsgID", number), ("Status", "success"))
    event(call.sandbox, call.account, str(openid), "TEMPLATESENDJOBFINISH", *more)
    return {**OK, "msgid": number}


@wechat_api("get_current_autoreply_info", "GET", kinds=OFFICIAL)
def autoreply(call: Call) -> Doc:
    """A configured server address switches the console's own automatic replies off."""
    on = 0 if call.account["callback_url"] else 1
    shown: Doc = {"is_add_friend_reply_open": on, "is_autoreply_open": on}
    if on:
        shown["add_friend_autoreply_info"] = {"type": "text", "content": "你好呀，欢迎关注！"}
        shown["message_default_autoreply_info"] = {"type": "text", "content": "稍后回复你。"}
        rule = {
            "rule_name": ids.fixed_text(6, "rule", call.account["appid"]),
            "create_time": 1_700_000_000,
            "reply_mode": "reply_all",
            "keyword_list_info": [{"type": "text", "match_mode": "contain", "content": "菜单"}],
            "reply_list_info": [{"type": "text", "content": "点单请进小程序。"}],
        }
        shown["keyword_autoreply_info"] = {"list": [rule]}
    return shown
