"""What a kind of condition is made of: its parameters, its measures, and its words for people."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from wxtag import clock

Match = Literal["any", "all"]


class Strict(BaseModel):
    """Takes exactly what is described: no unknown field, no text for a number."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Bounded(Strict):
    """At least, at most, or between: both ends are included."""

    at_least: int | None = Field(default=None, ge=0, title="至少", description="含本数")
    at_most: int | None = Field(default=None, ge=0, title="至多", description="含本数")

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise PydanticCustomError(
                "no_bound", "neither at_least nor at_most is given: expected one or both"
            )
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise PydanticCustomError(
                "empty_bound",
                "at_least {low} is more than at_most {high}: nothing lies between",
                {"low": self.at_least, "high": self.at_most},
            )
        return self

    @property
    def words(self) -> str:
        """≥ 10, ≤ 3, 10～20."""
        if self.at_most is None:
            return f"≥ {self.at_least}"
        return f"≤ {self.at_most}" if self.at_least is None else f"{self.at_least}～{self.at_most}"


@dataclass(frozen=True)
class Moment:
    """When the question is asked. Events after it are not seen."""

    at: int
    zone: ZoneInfo

    def window_start(self, days: int | None) -> int:
        """Where the last `days` local days begin; 0 for everything before."""
        return clock.window_start(self.at, days, self.zone) if days else 0


@dataclass(frozen=True)
class Measure:
    """One SELECT over the relations, and when its answer makes the condition true.

    `sql` gives customer_id, value, at most one row a customer (of a family: customer_id, key, value); the
    values are whole and not negative. What a person chose goes into `values` ($names), never into the text.
    """

    sql: str
    values: dict[str, Any] = field(default_factory=dict)
    bound: Bounded | None = None
    """Nothing: a row is enough. With a bound, a customer without a row has 0."""
    says: str = ""
    """The condition in words, without a customer: 近7天互动 ≥ 10 次."""
    sentence: Callable[[int], str] = str
    """Why it holds for a customer with this value: 近7天互动 12 次（≥ 10）."""


@dataclass(frozen=True)
class Family:
    """How a kind makes the tags of a whole group by itself."""

    params: type[Strict]
    measure: Callable[[Any, Moment], Measure]
    tag_name: Callable[[str], str]
    """The tag's name for a key; never with a value in it."""
    sentence: Callable[[str, int], str]
    counts: bool
    """Whether the value is a count that people see beside the tag."""


@dataclass(frozen=True)
class Kind:
    """One way to decide. `name` is the file's name, is stored with every rule, and never changes."""

    name: str
    title: str
    params: type[Strict] | None = None
    """Of a condition in a rule; nothing: the kind makes families only."""
    measures: Callable[[Any, Moment], list[Measure]] | None = None
    """Combined by `params.match` where there are several."""
    counts: bool = False
    family: Family | None = None
