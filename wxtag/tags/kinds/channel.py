"""接触渠道: one tag for each channel that the customer came through, with the number of touches."""

from typing import Literal

from wxtag.tags.kind import Family, Kind, Measure, Moment, Strict


class Params(Strict):
    """每个渠道一个标签，由系统按渠道参数自动生成；次数只显示在页面里，不写进标签名。"""

    kind: Literal["channel"]


# Only interactions: a contact that was half added and then added came once.
TOUCHES = """
    SELECT i.customer_id, v.channel AS key, count(*) AS value
    FROM events e JOIN identities i USING (identity_id) JOIN channel_values v ON v.value = e.channel
    WHERE e.interaction
    GROUP BY i.customer_id, v.channel
"""


def measure(_params: Params, _moment: Moment) -> Measure:
    return Measure(TOUCHES)


def tag_name(key: str) -> str:
    return key


def sentence(key: str, value: int) -> str:
    return f"通过{key}接触 {value} 次"


KIND = Kind("channel", "接触渠道", family=Family(Params, measure, tag_name, sentence, counts=True))
