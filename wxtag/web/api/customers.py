"""Customers as other programs read them: found, shown, what they did, what changed."""

from typing import Any

from pydantic import Field

from wxtag import customer_cards, customer_past, customers
from wxtag.database import reading
from wxtag.web.api.access import EVERYONE, auth, blueprint, caller
from wxtag.web.api.shapes import Answer, CustomerOut, CustomerPage, Id, IdentityOut, Page, Text, Time

bp = blueprint("customers", "Customers")


class CustomerQuery(Page):
    identity: Text | None = Field(
        None, max_length=300, description="`<kind>:<scope>:<value>`, like `phone::+8613800138000`"
    )
    tag: Id | None = Field(None, description="Only customers who have this tag.")
    q: Text = Field("", max_length=100, description="A part of a name, a whole id, or a phone.")


class EventOut(Answer):
    id: int
    kind: str
    text: str
    time: Time
    identity: IdentityOut
    channel: str | None
    place: str | None
    properties: dict[str, Any]


class EventPage(Answer):
    items: list[EventOut]
    next: str | None


class TagName(Answer):
    id: int
    name: str


class HistoryOut(Answer):
    id: int
    verb: str
    text: str
    tag: TagName | None
    corpid: str | None
    userid: str | None
    merge: int | None = Field(description="Of a merge that stands: what to send to /split to undo it.")
    actor: str
    time: Time


class HistoryPage(Answer):
    items: list[HistoryOut]
    next: str | None


@bp.get("/customers")
@bp.auth_required(auth, roles=EVERYONE)
@bp.input(CustomerQuery, location="query")
@bp.output(CustomerPage)
def list_customers(query_data: CustomerQuery) -> dict[str, Any]:
    """Finds customers by an id, a tag, a text, or any of them together.

    A page may hold fewer than `limit` items, also none, while `next` says that there are more.
    """
    with reading() as session:
        key = customers.parse_identity(query_data.identity) if query_data.identity is not None else None
        ids = customers.find(
            session,
            caller(),
            key=key,
            tag_id=query_data.tag,
            q=query_data.q.strip(),
            after=query_data.number() or 0,
            limit=query_data.limit,
        )
        cards = customer_cards.cards(session, caller(), ids)
    if query_data.tag is not None:
        # A veto or another relation's mark can leave a candidate without the tag.
        cards = [card for card in cards if any(tag["id"] == query_data.tag for tag in card["tags"])]
    return {"items": cards, "next": str(ids[-1]) if len(ids) == query_data.limit else None}


@bp.get("/customers/<int:customer_id>")
@bp.auth_required(auth, roles=EVERYONE)
@bp.output(CustomerOut)
def get_customer(customer_id: int) -> dict[str, Any]:
    """One customer with ids, contacts, and tags with their reasons.

    An id that was merged away answers with the customer it became.
    """
    with reading() as session:
        now = customers.current(session, caller(), customer_id)
        return customer_cards.cards(session, caller(), [now])[0]


@bp.get("/customers/<int:customer_id>/events")
@bp.auth_required(auth, roles=EVERYONE)
@bp.input(Page, location="query")
@bp.output(EventPage)
def list_events(customer_id: int, query_data: Page) -> dict[str, Any]:
    """What a customer did, newest first."""
    with reading() as session:
        now = customers.current(session, caller(), customer_id)
        items, following = customer_past.events(session, caller(), now, query_data.cursor, query_data.limit)
    return {"items": items, "next": following}


@bp.get("/customers/<int:customer_id>/history")
@bp.auth_required(auth, roles=EVERYONE)
@bp.input(Page, location="query")
@bp.output(HistoryPage)
def list_history(customer_id: int, query_data: Page) -> dict[str, Any]:
    """How a customer's tags and ids changed, newest first."""
    with reading() as session:
        now = customers.current(session, caller(), customer_id)
        items, following = customer_past.history(
            session, caller(), now, query_data.number(), query_data.limit
        )
    return {"items": items, "next": following}
