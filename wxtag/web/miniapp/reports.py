"""What a mini-program's front end may report of the person who is logged in, checked to the letter."""

from typing import Annotated, Any, Literal

from pydantic import Field

from wxtag import clock, texts
from wxtag.app import core
from wxtag.web.api.shapes import Body, Text
from wxtag.web.errors import Problem

MOST = 100
OLDEST_MS = 30 * clock.DAY_MS
Short = Annotated[Text, Field(max_length=190)]


class Code(Body):
    """What wx.login or the button for the phone gave."""

    code: Text = Field(min_length=1, max_length=512)


class Report(Body):
    time: Text | None = Field(
        None, max_length=40, description="ISO 8601; left out: now.", json_schema_extra={"format": "date-time"}
    )


class Launch(Report):
    kind: Literal["launch"]
    path: Short | None = None
    scene: Annotated[int, Field(ge=0, le=99_999)] | None = None
    channel: Annotated[Text, Field(max_length=128)] | None = None


class PageVisit(Report):
    kind: Literal["page"]
    path: Short
    title: Short | None = None


class Share(Report):
    kind: Literal["share"]
    path: Short | None = None
    title: Short | None = None


class Device(Report):
    kind: Literal["device"]
    brand: Short | None = None
    model: Short | None = None
    system: Short | None = None
    platform: Short | None = None
    network: Short | None = None


class Location(Report):
    kind: Literal["location"]
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Reports(Body):
    events: list[Annotated[Launch | PageVisit | Share | Device | Location, Field(discriminator="kind")]] = (
        Field(min_length=1, max_length=MOST)
    )


def plain(reports: Reports, now: int) -> list[dict[str, Any]]:
    """The reports with their times in milliseconds, as they go into the spool. Raises Problem.

    A clock that is ahead is put right; what is older than 30 days is refused.
    """
    found = []
    for number, report in enumerate(reports.events):
        values = report.model_dump(exclude_none=True, exclude={"time"})
        values["at"] = _at(report.time, now, number)
        found.append(values)
    return found


def _at(text: str | None, now: int, number: int) -> int:
    if text is None:
        return now
    place = f"events.{number}.time"
    try:
        at = clock.parse_iso(text, core().settings.zone)
    except (ValueError, OverflowError) as error:
        raise Problem(422, texts.MINI_INPUT, fields={place: ["expected an ISO 8601 time"]}) from error
    if at < now - OLDEST_MS:
        raise Problem(422, texts.MINI_TOO_OLD, fields={place: ["older than 30 days"]})
    return min(at, now)
