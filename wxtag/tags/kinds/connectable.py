"""可连接程度: by which kinds of ids the customer can be reached."""

from typing import Literal

from pydantic import Field

from wxtag.tags.kind import Kind, Match, Measure, Moment, Strict

Way = Literal["official_account", "mini_program", "unionid", "external_userid", "phone"]
WORDS: dict[Way, str] = {
    "official_account": "公众号",
    "mini_program": "小程序",
    "unionid": "微信开放平台",
    "external_userid": "企业微信",
    "phone": "已验证手机号",
}


class Params(Strict):
    """手机号须经验证（短信验证码或小程序授权）才算。"""

    kind: Literal["connectable"]
    identities: list[Way] = Field(min_length=1, max_length=5, title="身份")
    match: Match = Field(default="any", title="多个身份", description="any 有任意一个，all 全部都有")
    reachable_now: bool = Field(
        default=False, title="当前可触达", description="已取消关注的公众号、已删除的好友不算"
    )


HAS = """
    SELECT customer_id, count(*) AS value
    FROM identities
    WHERE (CASE kind WHEN 'openid' THEN account_kind ELSE kind END) = $way
      AND (kind <> 'phone' OR verified) AND (active OR NOT $reachable)
    GROUP BY customer_id
"""


def measures(params: Params, _moment: Moment) -> list[Measure]:
    done = "当前可通过{}触达" if params.reachable_now else "已连接{}"
    return [
        Measure(
            sql=HAS,
            values={"way": way, "reachable": params.reachable_now},
            says=done.format(WORDS[way]),
            sentence=lambda _count, way=way: done.format(WORDS[way]),  # type: ignore[misc]
        )
        for way in params.identities
    ]


KIND = Kind("connectable", "可连接程度", Params, measures)
