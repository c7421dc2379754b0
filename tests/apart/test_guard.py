"""The guard itself: what it lets pass and what it does not; and its exceptions are no older than the code."""

import pkgutil
from typing import Any

import pytest
from sqlalchemy import delete, exists, or_, select, update

from tests.apart import guard as guarding
from tests.apart.guard import ACROSS, Guard
from tests.apart.world import ONE_DATABASE, Side
from wxtag.models import Company, Customer, CustomerTag, FollowUser, Identity, Tag, TagGroup, db

Sides = tuple[Side, Side]


def lin(side: Side) -> Any:
    return Identity.customer_id == side.lin


RIGHT = {
    "named": lambda us, _: select(Tag).where(Tag.company_id == us.company),
    "by a key of its own": lambda us, _: select(Tag).where(Tag.id == us.tag),
    "a stranger's key, and the company": lambda us, them: select(Tag).where(
        Tag.company_id == us.company, Tag.id == them.tag
    ),
    "joined by keys": lambda us, _: select(FollowUser).join(Identity).where(lin(us)),
    "keys that a question gives": lambda us, _: select(Customer).where(
        Customer.id.in_(select(Identity.customer_id).where(Identity.company_id == us.company))
    ),
    "either of two keys": lambda us, _: select(Identity).where(or_(lin(us), Identity.customer_id == us.wang)),
    "tied to the question around it": lambda us, _: select(TagGroup).where(
        TagGroup.company_id == us.company, exists().where(Tag.group_id == TagGroup.id)
    ),
    "the company itself": lambda us, _: select(Company).where(Company.id == us.company),
}
WRONG = {
    "nobody's": lambda us, _: select(Tag).where(Tag.name == "杭州"),
    "a stranger's key": lambda _, them: select(Tag).where(Tag.id == them.tag),
    "a stranger": lambda _, them: select(Tag).where(Tag.company_id == them.company),
    "a stranger's own row": lambda _, them: select(Company).where(Company.id == them.company),
    "joined by what is no key": lambda us, _: (
        select(FollowUser)
        .join(Identity, Identity.value == FollowUser.external_userid)
        .where(Identity.company_id == us.company)
    ),
    "a question inside": lambda us, _: select(Customer).where(
        Customer.company_id == us.company, Customer.id.in_(select(CustomerTag.customer_id))
    ),
    "or anybody": lambda us, _: select(Identity).where(or_(lin(us), Identity.name == "林晓")),
    "or a stranger": lambda us, them: select(Identity).where(or_(lin(us), lin(them))),
    "one of two that a name joins": lambda us, _: select(Tag, TagGroup).where(
        Tag.company_id == us.company, Tag.name == TagGroup.path
    ),
    "changed": lambda us, _: update(Tag).where(Tag.name == "杭州").values(order=1),
    "deleted": lambda _, them: delete(CustomerTag).where(CustomerTag.customer_id == them.lin),
}


@ONE_DATABASE
@pytest.mark.parametrize(("statements", "passes"), [(RIGHT, True), (WRONG, False)])
def test_what_is_about_one_company_passes_and_nothing_else(
    sides: Sides, guard: Guard, monkeypatch: pytest.MonkeyPatch, statements: dict[str, Any], passes: bool
) -> None:
    guard.acting = sides[0].company
    with db.engine.connect() as connection:
        for name, make in statements.items():
            monkeypatch.setattr(guarding, "_asker", lambda name=name: name)
            connection.execute(make(*sides))
    assert set(guard.faults) == (set() if passes else set(statements))


def test_who_may_ask_across_is_still_there() -> None:
    for name in ACROSS:
        pkgutil.resolve_name(name)  # raises where there is none
