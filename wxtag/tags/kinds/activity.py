"""互动积极性: how often the customer interacted within one or more windows."""

from typing import Literal

from pydantic import Field

from wxtag.tags.kind import Bounded, Kind, Match, Measure, Moment, Strict


class Window(Bounded):
    """A window of local days, today included, and how many interactions in it."""

    days: int | None = Field(
        default=None, ge=1, le=3650, title="最近天数", description="含今天；不填为累计（从最早的记录起）"
    )


class Params(Strict):
    """互动包括发消息、点菜单、扫码、关注、浏览、打开小程序、添加好友等；上报位置和取消关注不算。"""

    kind: Literal["activity"]
    windows: list[Window] = Field(min_length=1, max_length=10, title="时间窗与次数")
    match: Match = Field(default="any", title="多个时间窗", description="any 满足任意一个，all 同时满足")


COUNT = """
    SELECT i.customer_id, count(*) AS value
    FROM events e JOIN identities i USING (identity_id)
    WHERE e.interaction AND e.at >= $start
    GROUP BY i.customer_id
"""


def measures(params: Params, moment: Moment) -> list[Measure]:
    return [_measure(window, moment) for window in params.windows]


def _measure(window: Window, moment: Moment) -> Measure:
    name = f"近{window.days}天" if window.days else "累计"
    return Measure(
        sql=COUNT,
        values={"start": moment.window_start(window.days)},
        bound=window,
        says=f"{name}互动 {window.words} 次",
        sentence=lambda count: f"{name}互动 {count} 次（{window.words}）",
    )


KIND = Kind("activity", "互动积极性", Params, measures, counts=True)
