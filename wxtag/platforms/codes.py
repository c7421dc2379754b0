"""What an error code of a platform means for us: one table a platform, from the code to what helps."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple, NoReturn
from zoneinfo import ZoneInfo

from wxtag import clock
from wxtag.errors import PlatformError
from wxtag.platforms.redaction import redacted

WECOM: Final = "wecom"
WECHAT: Final = "wechat"

NEXT_DAY: Final = -1.0
"""As a wait: until the platforms' day (UTC+8) ends."""
PLATFORM_ZONE = ZoneInfo("Asia/Shanghai")

REFRESH, WAIT, GIVE_UP, TELL_ADMIN = "refresh", "wait", "give_up", "tell_admin"


class Meaning(NamedTuple):
    """What helps against a code, how many seconds to leave the platform alone, what to tell the admin."""

    action: str
    wait: float
    advice: str


class UnknownTag(PlatformError):
    """40068: WeCom does not know a tag that we named. `tag_id` is the one, "" when WeCom did not say."""

    def __init__(self, text: str, api: str, tag_id: str) -> None:
        super().__init__(40068, text, GIVE_UP, 0.0, api)
        self.tag_id = tag_id


# developer.work.weixin.qq.com/document/path/90313
_WECOM: dict[int, Meaning] = {
    -1: Meaning(WAIT, 3, "企业微信系统繁忙，会自动重试"),
    6000: Meaning(WAIT, 2, "同一数据正被别处修改，会自动重试"),
    45033: Meaning(WAIT, 2, "并发调用超过企业微信的限制，会自动重试；常出现时请调小 WXTAG_WECOM_PARALLEL"),
    45035: Meaning(WAIT, 2, "同一客户正被别处修改，会自动重试"),
    45009: Meaning(WAIT, 60, "接口调用次数超过企业微信的限制，一分钟后自动重试"),
    40014: Meaning(REFRESH, 0, "access_token 失效，会自动重新获取"),
    42001: Meaning(REFRESH, 0, "access_token 过期，会自动重新获取"),
    40003: Meaning(GIVE_UP, 0, "企业微信不认识这个成员 userid"),
    40029: Meaning(GIVE_UP, 0, "授权 code 无效或已过期，请重新进入页面"),
    42022: Meaning(GIVE_UP, 0, "授权 code 已被使用，请重新进入页面"),
    40031: Meaning(GIVE_UP, 0, "成员列表中有不合法的 userid"),
    40032: Meaning(GIVE_UP, 0, "成员列表过长"),
    40033: Meaning(GIVE_UP, 0, "请求中有不合法的字符"),
    40035: Meaning(GIVE_UP, 0, "请求参数不合法"),
    40058: Meaning(GIVE_UP, 0, "请求参数不合法"),
    40063: Meaning(GIVE_UP, 0, "请求参数为空"),
    40068: Meaning(GIVE_UP, 0, "标签或标签组在企业微信中不存在，可能已被删除"),
    40071: Meaning(GIVE_UP, 0, "同名标签已存在"),
    40072: Meaning(GIVE_UP, 0, "标签名为空或超过 30 个字"),
    40096: Meaning(GIVE_UP, 0, "企业微信不认识这个 external_userid"),
    41035: Meaning(GIVE_UP, 0, "缺少 external_userid"),
    45029: Meaning(GIVE_UP, 0, "企业微信的应答过大，请缩小查询范围"),
    46004: Meaning(GIVE_UP, 0, "成员不存在或不在可见范围内"),
    50002: Meaning(GIVE_UP, 0, "成员不在应用的权限范围内"),
    50100: Meaning(GIVE_UP, 0, "分页游标已失效，请从头再读"),
    60003: Meaning(GIVE_UP, 0, "部门不存在"),
    60021: Meaning(GIVE_UP, 0, "成员不在应用可见范围内"),
    60111: Meaning(GIVE_UP, 0, "成员不存在，可能已离职"),
    60123: Meaning(GIVE_UP, 0, "部门 id 无效"),
    301021: Meaning(GIVE_UP, 0, "成员 userid 无效"),
    84061: Meaning(GIVE_UP, 0, "成员与该客户已不是外部联系人关系"),
    84084: Meaning(GIVE_UP, 0, "该成员不是客户的跟进人"),
    40001: Meaning(TELL_ADMIN, 0, "Secret 不正确或应用已停用：请在管理后台查看该应用的 Secret 并重新绑定"),
    40013: Meaning(TELL_ADMIN, 0, "corpid 不正确：请在管理后台“我的企业”查看企业 ID 并重新绑定"),
    40056: Meaning(TELL_ADMIN, 0, "agentid 不正确：请在应用详情页查看 AgentId 并重新绑定"),
    40091: Meaning(TELL_ADMIN, 0, "Secret 属于另一个企业：请核对 corpid 与 Secret 后重新绑定"),
    40126: Meaning(TELL_ADMIN, 0, "企业标签库已满：请在管理后台删除不用的标签"),
    41002: Meaning(TELL_ADMIN, 0, "缺少 corpid：请重新绑定"),
    41004: Meaning(TELL_ADMIN, 0, "缺少 Secret：请重新绑定"),
    41057: Meaning(TELL_ADMIN, 0, "企业未绑定微信开发者账号：请在“客户联系 > API”中绑定"),
    48001: Meaning(TELL_ADMIN, 0, "应用没有此接口的权限：请检查应用的权限设置"),
    48002: Meaning(TELL_ADMIN, 0, "应用无权调用：请在“客户联系 > API > 可调用接口的应用”中勾选该应用"),
    48004: Meaning(TELL_ADMIN, 0, "授权关系已失效：请重新授权应用"),
    48006: Meaning(TELL_ADMIN, 0, "接口权限因长期未使用被收回：请在管理后台重新开启"),
    48009: Meaning(TELL_ADMIN, 0, "通讯录同步限制了新增 IP：请改用自建应用的 Secret"),
    50003: Meaning(TELL_ADMIN, 0, "应用已被停用：请在管理后台启用"),
    60011: Meaning(TELL_ADMIN, 0, "成员或部门不在应用可见范围：请在应用详情页扩大可见范围"),
    60020: Meaning(TELL_ADMIN, 0, "服务器 IP 不在企业可信 IP 中：请在应用详情页“企业可信IP”中加入"),
    60031: Meaning(TELL_ADMIN, 0, "应用已被禁止调用接口：请在管理后台查看"),
    81011: Meaning(TELL_ADMIN, 0, "标签由后台或其他应用创建，本应用无权修改：请改用本应用创建的标签组"),
    84074: Meaning(TELL_ADMIN, 0, "成员没有客户联系权限：请在“客户联系 > 权限配置 > 使用范围”中加入"),
    301002: Meaning(TELL_ADMIN, 0, "agentid 与 Secret 不是同一个应用：请核对后重新绑定"),
    701008: Meaning(TELL_ADMIN, 0, "没有互通账号许可：请为成员购买并激活许可"),
    701099: Meaning(TELL_ADMIN, 0, "没有有效的接口许可：请购买并激活许可"),
}

_CONFIRM_IP = "微信要求管理员确认服务器 IP：请管理员在微信中确认后重试"

# developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html
_WECHAT: dict[int, Meaning] = {
    -1: Meaning(WAIT, 3, "微信系统繁忙，会自动重试"),
    45009: Meaning(WAIT, NEXT_DAY, "今天的接口调用次数已用完，明天自动继续；也可在公众平台清零"),
    45011: Meaning(WAIT, 60, "一分钟内调用过多，一分钟后自动重试"),
    44991: Meaning(WAIT, 60, "一分钟内调用过多，一分钟后自动重试"),
    40001: Meaning(REFRESH, 0, "access_token 失效，会自动重新获取"),
    40014: Meaning(REFRESH, 0, "access_token 失效，会自动重新获取"),
    42001: Meaning(REFRESH, 0, "access_token 过期，会自动重新获取"),
    40003: Meaning(GIVE_UP, 0, "openid 不属于这个账号"),
    40029: Meaning(GIVE_UP, 0, "code 无效或已过期，请重新进入"),
    40030: Meaning(GIVE_UP, 0, "网页授权已失效，请重新授权"),
    40031: Meaning(GIVE_UP, 0, "openid 列表不合法"),
    40032: Meaning(GIVE_UP, 0, "openid 列表过长"),
    40033: Meaning(GIVE_UP, 0, "请求中有不合法的字符"),
    40097: Meaning(GIVE_UP, 0, "请求参数不合法"),
    40163: Meaning(GIVE_UP, 0, "code 已被使用，请重新进入"),
    40226: Meaning(GIVE_UP, 0, "微信判定为高风险用户，拒绝登录"),
    41008: Meaning(GIVE_UP, 0, "缺少 code"),
    41009: Meaning(GIVE_UP, 0, "缺少 openid"),
    42002: Meaning(GIVE_UP, 0, "网页授权已过期，请重新授权"),
    42003: Meaning(GIVE_UP, 0, "code 已过期，请重新进入"),
    42007: Meaning(GIVE_UP, 0, "用户修改了微信密码，请重新授权"),
    43004: Meaning(GIVE_UP, 0, "用户没有关注公众号"),
    43104: Meaning(GIVE_UP, 0, "openid 不属于这个账号"),
    46004: Meaning(GIVE_UP, 0, "用户不存在"),
    47001: Meaning(GIVE_UP, 0, "请求的数据格式不正确"),
    48002: Meaning(GIVE_UP, 0, "用户拒收消息"),
    49003: Meaning(GIVE_UP, 0, "openid 不属于这个账号"),
    63178: Meaning(GIVE_UP, 0, "微信没有这两个公众号之间的迁移：请核对迁移前的 appid 和迁移后的账号"),
    50002: Meaning(GIVE_UP, 0, "用户账号受限"),
    50005: Meaning(GIVE_UP, 0, "用户已取消关注"),
    40002: Meaning(TELL_ADMIN, 0, "凭证类型不正确：请核对账号类型后重新绑定"),
    40013: Meaning(TELL_ADMIN, 0, "appid 不正确，或 code 属于另一个账号：请核对 AppID 后重新绑定"),
    40125: Meaning(TELL_ADMIN, 0, "AppSecret 不正确：请在公众平台重置 AppSecret 并重新绑定"),
    40164: Meaning(TELL_ADMIN, 0, "服务器 IP 不在白名单：请在公众平台“基本配置 > IP白名单”中加入"),
    40243: Meaning(TELL_ADMIN, 0, "AppSecret 已被冻结：请在公众平台解冻"),
    41002: Meaning(TELL_ADMIN, 0, "缺少 appid：请重新绑定"),
    41004: Meaning(TELL_ADMIN, 0, "缺少 AppSecret：请重新绑定"),
    48001: Meaning(TELL_ADMIN, 0, "账号没有此接口的权限：请确认账号已认证，并在公众平台查看接口权限"),
    48004: Meaning(TELL_ADMIN, 0, "接口已被封禁：请登录公众平台查看通知"),
    50001: Meaning(TELL_ADMIN, 0, "账号没有授权此接口：请在公众平台查看接口权限"),
    50004: Meaning(TELL_ADMIN, 0, "账号被禁止获取 access_token：请登录公众平台查看通知"),
    50007: Meaning(TELL_ADMIN, 0, "账号已被冻结：请登录公众平台查看通知"),
    61003: Meaning(TELL_ADMIN, 0, "账号已取消对第三方平台的授权：请重新授权"),
    61004: Meaning(TELL_ADMIN, 0, "服务器 IP 未在开放平台登记：请在第三方平台的白名单中加入"),
    61007: Meaning(TELL_ADMIN, 0, "账号没有把此权限集授权给第三方平台：请重新授权并勾选"),
    61023: Meaning(TELL_ADMIN, 0, "第三方平台的授权已失效：请管理员重新授权"),
    **dict.fromkeys((89501, 89502, 89503, 89504, 89505), Meaning(TELL_ADMIN, 0, _CONFIRM_IP)),
    89506: Meaning(TELL_ADMIN, 0, "管理员拒绝了服务器 IP，24 小时后才能再申请"),
    89507: Meaning(TELL_ADMIN, 0, "管理员拒绝了服务器 IP，1 小时后才能再申请"),
}

TABLES: Mapping[str, Mapping[int, Meaning]] = {WECOM: _WECOM, WECHAT: _WECHAT}
_TAG_IN_TEXT = re.compile(r"invalid tagid:\s*([^\s,，]+)", re.IGNORECASE)


def meaning(platform: str, code: int) -> Meaning:
    """What a code means; one that is in no table is given up, so that it can block nothing else."""
    known = TABLES[platform].get(code)
    return known or Meaning(GIVE_UP, 0, f"平台返回了未收录的错误码 {code}：请按错误码查阅官方文档")


def advice(platform: str, code: int | None) -> str:
    """One Chinese sentence for the admin."""
    if code is None:
        return "平台没有正常应答：请检查服务器到平台的网络和平台地址设置"
    return meaning(platform, code).advice


def raise_for(platform: str, api: str, answer: Mapping[str, Any], secrets: Iterable[str] = ()) -> None:
    """Raises PlatformError (UnknownTag for a tag) when the answer carries an error code; else nothing."""
    code = error_code(answer)
    if code:
        _raise(platform, api, code, redacted(str(answer.get("errmsg", "")), secrets))


def error_code(answer: Mapping[str, Any]) -> int:
    """The errcode of an answer; several calls leave it out when all went well."""
    try:
        return int(answer.get("errcode") or 0)
    except (TypeError, ValueError):
        return -1


def no_answer(api: str, what: str, wait: float = 5.0) -> PlatformError:
    """The error for an answer that did not come or cannot be read: trying again later helps."""
    return PlatformError(None, what, WAIT, wait, api)


def _raise(platform: str, api: str, code: int, errmsg: str) -> NoReturn:
    found = meaning(platform, code)
    text = f"{found.advice}（{errmsg}）" if errmsg else found.advice
    if platform == WECOM and code == 40068:
        named = _TAG_IN_TEXT.search(errmsg)
        raise UnknownTag(text, api, named.group(1) if named else "")
    wait = _until_next_day() if found.wait == NEXT_DAY else found.wait
    raise PlatformError(code, text, found.action, wait, api)


def _until_next_day() -> float:
    """Seconds until the platforms' next day, and a minute more for clocks that differ."""
    now = clock.now()
    tomorrow = clock.local_day(now, PLATFORM_ZONE) + timedelta(days=1)
    return (clock.day_start(tomorrow, PLATFORM_ZONE) - now) / 1000 + 60
