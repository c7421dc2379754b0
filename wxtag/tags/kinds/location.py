"""地理位置: where the customer is, by the latest place that they reported."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from wxtag import places
from wxtag.tags.kind import Family, Kind, Match, Measure, Moment, Strict

LATER = ("profile", "last_ip")


def _known_source(value: Any) -> Any:
    if value in LATER:
        raise PydanticCustomError(
            "later",
            "the source {source} is not there yet: only reported can be chosen now",
            {"source": value},
        )
    return value


def _known_region(value: str) -> str:
    if value not in places.SETS and places.find(value) is None:
        raise PydanticCustomError("region", "{text}", {"text": places.unknown(value)})
    return value


def _text(value: Any) -> Any:
    """A code may be written as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Source = Annotated[Literal["reported"], BeforeValidator(_known_source)]
Region = Annotated[str, AfterValidator(_known_region), BeforeValidator(_text)]


class _Sources(Strict):
    kind: Literal["location"]
    sources: list[Source] = Field(
        default=["reported"],
        min_length=1,
        max_length=3,
        title="位置来源",
        description="reported：公众号上报的位置、发送的位置或选择的位置，取最近一次。"
        "微信自 2021-12-27 起不再提供用户资料中的地区",
    )


class Params(_Sources):
    """未知的位置不属于任何地区。"""

    regions: list[Region] = Field(
        min_length=1,
        max_length=500,
        title="地区",
        description="省、市的名称或六位代码，或 一线城市、华东 等集合",
    )
    match: Match = Field(default="any", title="多个来源", description="any 任意一个符合，all 全部符合")


class FamilyParams(_Sources):
    """每个城市一个标签：浙江·杭州；直辖市、港澳台按整体：上海。"""


# Of two reports in one instant the one that came in later decides.
LATEST = """
    SELECT i.customer_id, arg_max(e.place, (e.at, e.event_id)) AS place
    FROM events e JOIN identities i USING (identity_id)
    WHERE e.kind IN ('located', 'sent_location') AND e.place IS NOT NULL
    GROUP BY i.customer_id
"""
IN_REGION = f"""
    SELECT customer_id, CAST(place AS BIGINT) AS value FROM ({LATEST}) WHERE list_contains($codes, place)
"""
BY_CITY = f"SELECT customer_id, place AS key, 1 AS value FROM ({LATEST})"


def measures(params: Params, _moment: Moment) -> list[Measure]:
    names = "、".join(params.regions[:5]) + ("等" if len(params.regions) > 5 else "")
    return [
        Measure(
            sql=IN_REGION,
            values={"codes": places.expand(params.regions)},
            says=f"最近上报的位置在{names}",
            sentence=lambda code: f"最近上报的位置：{places.label(str(code))}（{names}）",
        )
    ]


def by_city(_params: FamilyParams, _moment: Moment) -> Measure:
    return Measure(BY_CITY)


def city_sentence(key: str, _value: int) -> str:
    return f"最近上报的位置：{places.label(key)}"


KIND = Kind(
    "location",
    "地理位置",
    Params,
    measures,
    family=Family(FamilyParams, by_city, places.label, city_sentence, counts=False),
)
