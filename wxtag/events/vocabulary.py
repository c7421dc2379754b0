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
    EventKind("launched", True, "打开小程序"),
    EventKind("viewed", True, "浏览页面"),
    EventKind("shared", True, "使用分享菜单"),
    EventKind("reported_device", False, "上报设备"),
    EventKind("gave_phone", True, "授权手机号"),
    EventKind("added", True, "添加企业微信好友"),
    EventKind("half_added", False, "发起添加好友"),
    EventKind("deleted_staff", False, "删除企业微信好友"),
    EventKind("deleted_by_staff", False, "被员工删除好友"),
)
BY_NAME = {kind.name: kind for kind in EVENT_KINDS}
INTERACTIONS = frozenset(kind.name for kind in EVENT_KINDS if kind.interaction)
