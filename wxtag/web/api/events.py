"""Behaviour that other systems report: each event counts once, by the id that its system gave it."""

import json
from typing import Any

from pydantic import Field, field_validator, model_validator
from sqlalchemy import select

from wxtag import clock, customers, touch
from wxtag.app import core
from wxtag.database import writing
from wxtag.errors import InputError
from wxtag.events.decoded import MEANINGLESS, Decoded, IdentityKey, NewEvent
from wxtag.events.vocabulary import BY_NAME
from wxtag.models import Event
from wxtag.resolve import apply
from wxtag.web.api.access import MANAGERS, auth, blueprint, caller, compute_soon
from wxtag.web.api.shapes import Answer, Body, IdentityIn, Text
from wxtag.web.errors import Problem

bp = blueprint("events", "Events")
MOST = 1000
BATCH = 100  # events in one transaction, so that the inbox is never kept waiting for long
FUTURE_MS = 300_000  # another system's clock may be ahead by so much
PROPERTIES_BYTES = 4096
PROPERTIES_DEPTH = 8


class EventIn(Body):
    id: Text = Field(min_length=1, max_length=100, description="Unique in the other system; counts once.")
    identity: IdentityIn
    kind: Text = Field(description="A kind of the event vocabulary, like `viewed`.", max_length=32)
    time: Text = Field(
        description="ISO 8601; without an offset in the configured zone.",
        max_length=40,
        json_schema_extra={"format": "date-time"},
    )
    channel: Text | None = Field(None, max_length=128, description="State, scene or utm value of a touch.")
    place: str | None = Field(None, pattern=r"^[1-9][0-9]{5}$", description="Official code, like 330100.")
    properties: dict[str, Any] = Field(default_factory=dict, description="At most 4 KiB as JSON.")

    @field_validator("id")
    @classmethod
    def _no_blanks_around(cls, value: str) -> str:
        if value != value.strip():
            raise ValueError("an id has no blanks at its ends")
        return value

    @field_validator("kind")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in BY_NAME:
            raise ValueError(f"unknown kind of event: expected one of {', '.join(BY_NAME)}")
        return value

    @field_validator("properties")
    @classmethod
    def _small(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
        except ValueError as error:
            raise ValueError("holds a number or a character that JSON has not") from error
        if size > PROPERTIES_BYTES:
            raise ValueError(f"more than {PROPERTIES_BYTES} bytes as JSON")
        if _depth(value) > PROPERTIES_DEPTH:
            # MariaDB takes 32 levels and then refuses the row.
            raise ValueError(f"more than {PROPERTIES_DEPTH} levels deep")
        return value


class EventBatch(Body):
    """`{"events": […]}`, or the list alone."""

    events: list[EventIn] = Field(min_length=1, max_length=MOST)

    @model_validator(mode="before")
    @classmethod
    def _list_alone(cls, value: Any) -> Any:
        return {"events": value} if isinstance(value, list) else value


class EventsTaken(Answer):
    new: int = Field(description="Events that were not known before.")
    repeated: int = Field(description="Events whose id was there already; they count no second time.")


@bp.post("/events")
@bp.auth_required(auth, roles=MANAGERS)
@bp.input(EventBatch)
@bp.output(EventsTaken)
def post_events(json_data: EventBatch) -> dict[str, int]:
    """Takes up to 1,000 behaviour events. An identity that nobody knows yet makes a new customer.

    All are checked before the first is kept. Sending the same ones again is safe.
    """
    company_id = caller().company_id
    events = _checked(json_data.events)
    new = 0
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        with writing() as session:
            known = set(
                session.scalars(
                    select(Event.uid).where(
                        Event.company_id == company_id, Event.uid.in_([event.uid for event in batch])
                    )
                )
            )
            fresh = [event for event in batch if event.uid not in known]
            touched = apply(session, company_id, Decoded(events=fresh)) if fresh else set()
            touch.touch(session, company_id, touched)
            new += len({event.uid for event in fresh})
    compute_soon()
    return {"new": new, "repeated": len(events) - new}


def _checked(given: list[EventIn]) -> list[NewEvent]:
    """All events in our words, or every fault with its place."""
    faults: dict[str, list[str]] = {}
    events: list[NewEvent] = []
    for number, one in enumerate(given):
        place = f"events.{number}"
        try:
            key = _key(one.identity)
        except InputError as error:
            faults[f"{place}.identity"] = [str(error)]
            continue
        try:
            at = _time(one.time)
        except ValueError as error:
            faults[f"{place}.time"] = [str(error)]
            continue
        events.append(
            NewEvent(key, one.kind, at, one.channel, one.place, dict(one.properties), uid=f"api:{one.id}")
        )
    if faults:
        raise Problem(422, "some events cannot be taken, so none was; see fields", fields=faults)
    return events


def _depth(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_depth, inside), default=0)


def _key(given: IdentityIn) -> IdentityKey:
    if given.value.strip().lower() in MEANINGLESS:
        raise InputError(f"{given.value!r} means nothing as an id")
    return customers.identity_key(given.kind, given.scope, given.value)


def _time(text: str) -> int:
    try:
        at = clock.parse_iso(text, core().settings.zone)
    except (ValueError, OverflowError) as error:
        raise ValueError("expected an ISO 8601 time like 2026-11-22T10:00:00+08:00") from error
    now = clock.now()
    if at <= 0 or at > now + FUTURE_MS:
        raise ValueError("the time lies before 1970 or in the future")
    return min(at, now)
