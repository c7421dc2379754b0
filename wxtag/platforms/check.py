"""The self-test of a binding: one line a thing that must be right, and what to do where it is not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from wxtag import clock
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.errors import PlatformError, WxtagError
from wxtag.platforms.clients import client
from wxtag.platforms.codes import WECHAT, WECOM, advice
from wxtag.platforms.wechat import MiniProgram, OfficialAccount
from wxtag.platforms.wecom import NOT_A_CONTACT, WeCom

SAMPLE = 100
IP_REFUSED = {WECOM: 60020, WECHAT: 40164}
_REFUSED_IP = re.compile(r"(?:from ip:?|invalid ip)\s*([0-9A-Fa-f:.]*[0-9A-Fa-f])")

NO_UNIONID = {
    "wecom": "客户没有 unionid：请在企业微信管理后台“客户联系 > API”绑定微信开发者账号（开放平台账号）",
    "official_account": "粉丝没有 unionid：公众号未绑定到微信开放平台，请在 open.weixin.qq.com“管理中心”绑定",
}

Client = WeCom | OfficialAccount | MiniProgram


@dataclass(frozen=True)
class CheckLine:
    """One thing that was looked at. `text` is for the admin: how it is, or what to do."""

    name: str
    ok: bool
    text: str


def check(account: BoundAccount, last_callback_at: int | None = None) -> list[CheckLine]:
    """Tests a binding against the platform, a few calls. Never raises.

    `last_callback_at` (epoch ms) is when this account's address was last called rightly.
    """
    here = client(account)
    lines = list(_guarded("凭证", lambda: _token_lines(here)))
    usable = all(line.ok for line in lines)
    if usable and isinstance(here, WeCom):
        lines += _guarded("权限", lambda: _wecom_lines(here))
    if usable and isinstance(here, OfficialAccount):
        lines += _guarded("权限", lambda: _fan_lines(here))
        lines += _guarded("自动回复", lambda: _autoreply(here))
    lines += _guarded("回调", lambda: _callback_lines(here, last_callback_at, usable))
    return lines


def _guarded(name: str, test: Callable[[], Iterator[CheckLine]]) -> Iterator[CheckLine]:
    """The lines of a test; whatever it raises becomes a line too."""
    try:
        yield from test()
    except PlatformError as error:
        yield _refused(name, error)
    except WxtagError as error:
        yield CheckLine(name, False, str(error))
    except Exception as error:
        yield CheckLine(name, False, f"自检出错（{type(error).__name__}）：请把这一行告诉开发者")


def _refused(name: str, error: PlatformError) -> CheckLine:
    if error.code in IP_REFUSED.values():
        found = _REFUSED_IP.search(error.text)
        where = f"：请加入 {found.group(1)}" if found else ""
        return CheckLine("可信IP", False, error.text.split("（")[0] + where)
    if error.code is None:
        return CheckLine(name, False, error.text)
    said = error.text.split("（")[0]
    return CheckLine(name, False, f"{said}（错误码 {error.code}，接口 {error.api}）")


def _token_lines(here: Client) -> Iterator[CheckLine]:
    here.caller.tokens.anew()
    yield CheckLine("凭证", True, "能取得 access_token")
    if not isinstance(here, WeCom):  # WeCom looks at the address with the calls, not with the token
        yield CheckLine("可信IP", True, "服务器 IP 在白名单中")


def _wecom_lines(here: WeCom) -> Iterator[CheckLine]:
    members = here.follow_users()
    yield CheckLine("可信IP", True, "服务器 IP 可以调用接口")
    if members:
        yield CheckLine("权限", True, f"可调用客户联系接口，可见范围内有 {len(members)} 名成员可以添加客户")
    else:
        yield CheckLine(
            "权限",
            False,
            "没有可用的成员：请在“客户联系 > 权限配置 > 使用范围”加入成员，并让他们在应用的可见范围内",
        )
    yield from _guarded("应用", lambda: _app_line(here))
    yield from _guarded("unionid", lambda: _wecom_unionid(here, members[:SAMPLE]))


def _app_line(here: WeCom) -> Iterator[CheckLine]:
    try:
        agent = here.agent()
    except PlatformError as error:
        if not error.permanent:
            return  # says nothing about the binding; the calls above did
        raise
    seen = [agent.get(name) for name in ("allow_userinfos", "allow_partys", "allow_tags")]
    if agent.get("close"):
        yield CheckLine("应用", False, advice(WECOM, 50003))
    elif any(any(one.values()) for one in seen if isinstance(one, dict)):
        yield CheckLine("应用", True, f"应用“{agent.get('name', '')}”已启用，已设置可见范围")
    else:
        yield CheckLine("应用", False, "应用的可见范围是空的：请在应用详情页设置可见范围")


def _wecom_unionid(here: WeCom, members: list[str]) -> Iterator[CheckLine]:
    rows: list[Any] = []
    if members:
        try:
            rows = here.batch_contacts(members, limit=SAMPLE).get("external_contact_list") or []
        except PlatformError as error:
            if error.code != NOT_A_CONTACT:  # which only means that there is no customer
                raise
    contacts: dict[Any, bool] = {}
    for row in rows:
        contact = row.get("external_contact") or {}
        if contact.get("type") == 1:  # a WeCom user of another corp never has one
            who = contact.get("external_userid")
            contacts[who] = contacts.get(who, False) or bool(contact.get("unionid"))
    yield _unionid_line("wecom", "微信客户", list(contacts.values()))


def _unionid_line(kind: str, who: str, having: list[bool]) -> CheckLine:
    if not having:
        return CheckLine("unionid", True, f"还没有{who}，无法检查 unionid")
    count = sum(having)
    if not count:
        return CheckLine("unionid", False, f"抽查 {len(having)} 位{who}：{NO_UNIONID[kind]}")
    return CheckLine("unionid", True, f"抽查 {len(having)} 位{who}，{count} 位有 unionid")


def _fan_lines(here: OfficialAccount) -> Iterator[CheckLine]:
    openids = here.followers().openids
    if openids:
        here.user_info(openids[-1])
        yield CheckLine("权限", True, "可以读取粉丝信息")
    else:
        yield CheckLine("权限", True, "可以读取粉丝列表；还没有粉丝")
    yield from _guarded("unionid", lambda: _fan_unionid(here, openids[-SAMPLE:]))  # new fans come last


def _fan_unionid(here: OfficialAccount, openids: list[str]) -> Iterator[CheckLine]:
    having = [bool(fan.get("unionid")) for fan in here.users_info(openids) if fan.get("subscribe")]
    yield _unionid_line("official_account", "粉丝", having)


def _autoreply(here: OfficialAccount) -> Iterator[CheckLine]:
    found = here.autoreply_info()
    if found.get("is_add_friend_reply_open") or found.get("is_autoreply_open"):
        yield CheckLine(
            "自动回复",
            False,
            "公众平台开启了自动回复：启用服务器配置后，后台的自动回复和自定义菜单会失效，请先改用接口设置",
        )
    else:
        yield CheckLine("自动回复", True, "公众平台没有开启自动回复，启用服务器配置不受影响")


def _callback_lines(here: Client, last: int | None, usable: bool) -> Iterator[CheckLine]:
    settings = core().settings
    if last is not None:
        yield CheckLine("回调", True, f"最近一次收到回调：{clock.iso(last, settings.zone)}")
        return
    address = (settings.public_url or "https://你的域名") + here.account.callback_path
    text = (
        f"还没有收到过回调：请在平台后台把接收消息的 URL 设为 {address}，并填写相同的 Token 和 EncodingAESKey"
    )
    if usable and isinstance(here, OfficialAccount):
        text += _what_wechat_sees(here)
    yield CheckLine("回调", False, text)


def _what_wechat_sees(here: OfficialAccount) -> str:
    """What WeChat's own network test of the address adds."""
    try:
        answer = here.check_callback()
    except PlatformError as error:
        return "；微信说尚未设置 URL" if error.code == 40201 else ""
    pings = [one for one in answer.get("ping") or [] if isinstance(one, dict)]
    lost = [one for one in pings if str(one.get("package_loss")) == "100%"]
    if pings and len(lost) == len(pings):
        return "；微信无法连到这个 URL 的服务器：请检查防火墙和域名解析"
    return ""
