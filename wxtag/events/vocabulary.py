"""The kinds of events in our own words, and which of them count as an interaction (互动).

`docs/events.md` shows this table to people; a test keeps both equal.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventKind:
    """One kind of event. `text` is what people see in a timeline."""

    name: str
    interaction: bool
    text: str


EVENT_KINDS = (
    EventKind("followed", True, "关注公众号"),
    EventKind("unfollowed", False, "取消关注公众号"),
    EventKind("scanned", True, "扫描渠道码"),
    EventKind("located", False, "上报地理位置"),
    EventKind("sent_location", True, "发送位置"),
    EventKind("messaged", True, "发送消息"),
    EventKind("clicked_menu", True, "点击菜单"),
    EventKind("logged_in", True, "登录小程序"),
    EventKind("identified", False, "网页授权"),
    EventKind("launched", True, "打开小程序"),
    EventKind("viewed", True, "浏览页面"),
    EventKind("shared", True, "使用分享菜单"),
    EventKind("reported_device", False, "上报设备"),
    EventKind("gave_phone", True, "授权手机号"),
    EventKind("added", True, "添加企业微信好友"),
    EventKind("half_added", False, "发起添加好友"),
    EventKind("deleted_staff", False, "删除企业微信好友"),
    EventKind("deleted_by_staff", False, "被员工删除好友"),
    EventKind("handed_over", False, "换由其他员工跟进"),
    EventKind("transfer_failed", False, "转接未成功"),
    EventKind("allowed_archive", False, "同意会话存档"),
    EventKind("joined_group", True, "加入客户群"),
    EventKind("left_group", False, "离开客户群"),
    EventKind("opened_session", True, "进入客服会话"),
    EventKind("served", False, "由客服接待"),
    EventKind("got_card", True, "领取卡券"),
    EventKind("allowed_notices", True, "同意接收通知"),
    EventKind("refused_notices", False, "拒绝接收通知"),
    EventKind("got_notice", False, "收到通知"),
    EventKind("missed_notice", False, "通知未送达"),
)
BY_NAME = {kind.name: kind for kind in EVENT_KINDS}
INTERACTIONS = frozenset(kind.name for kind in EVENT_KINDS if kind.interaction)
