"""Customers found for somebody: by id, by tag, by name; and whom the one who asks may see.

Every question is asked by a Caller: of their company only, and for members of staff only about those
whom they have as contacts. What a caller may not see does not exist for them.
"""

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from wxtag import identity
from wxtag.apikeys import Caller
from wxtag.errors import InputError, NotFound
from wxtag.events.decoded import IdentityKey
from wxtag.follow_users import ENDED
from wxtag.identities import PHONE, identity_row
from wxtag.models import Company, Customer, CustomerTag, FollowUser, Identity, Mark
from wxtag.phones import mobile

KINDS = ("openid", "unionid", "external_userid", "phone", "member", "visitor")


def parse_identity(text: str) -> IdentityKey:
    """`phone::+8613800138000` as a key. Raises InputError."""
    kind, _, rest = text.partition(":")
    scope, colon, value = rest.partition(":")
    if kind not in KINDS or not colon:
        raise InputError(
            "identity is not <kind>:<scope>:<value> (like phone::+8613800138000), kind being one of "
            + ", ".join(KINDS)
        )
    return identity_key(kind, scope, value)


def identity_key(kind: str, scope: str, value: str) -> IdentityKey:
    """The key of an id as it is stored: corpids folded, phones in E.164. Raises InputError."""
    value = value.strip()
    if not value or len(value) > 128 or len(scope) > 128:
        raise InputError(f"the value and the scope of a {kind} have 1 to 128 characters")
    if kind == PHONE:
        number = mobile(value)
        if number is None:
            raise InputError("the phone is not a mobile number like +8613800138000")
        return IdentityKey(kind, "", number)
    return IdentityKey(kind, scope.lower() if kind == "external_userid" else scope, value)


def find(
    session: Session,
    caller: Caller,
    *,
    key: IdentityKey | None = None,
    tag_id: int | None = None,
    q: str = "",
    after: int = 0,
    limit: int = 50,
) -> list[int]:
    """Ids of the customers that answer all that is asked, beginning after `after`, by id."""
    wanted = (
        select(Customer.id)
        .where(Customer.company_id == caller.company_id, Customer.merged_into.is_(None), Customer.id > after)
        .where(*_visible(caller))
        .order_by(Customer.id)
        .limit(limit)
    )
    if key is not None:
        company = session.get_one(Company, caller.company_id)
        row = identity_row(session, company, key)
        wanted = wanted.where(Customer.id == (row.customer_id if row else 0))
    if tag_id is not None:
        wanted = wanted.where(_may_have(caller.company_id, tag_id))
    if q:
        wanted = wanted.where(_answers_to(session, caller, q))
    return list(session.scalars(wanted))


def current(session: Session, caller: Caller, customer_id: int) -> int:
    """The customer that this id stands for now. Raises NotFound, also for one who is not theirs."""
    now = identity.current(session, caller.company_id, customer_id)
    if session.scalar(select(Customer.id).where(Customer.id == now, *_visible(caller))) is None:
        raise NotFound(f"there is no customer {customer_id}")
    return now


def relation(session: Session, caller: Caller, customer_id: int, corpid: str, userid: str) -> FollowUser:
    """The live relation of this member of staff with this customer. Raises NotFound."""
    row = session.scalars(
        select(FollowUser)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .where(
            FollowUser.company_id == caller.company_id,
            Identity.customer_id == customer_id,
            FollowUser.corpid == corpid.lower(),
            FollowUser.userid == userid.lower(),
            FollowUser.status.not_in(ENDED),
            *own_relations(caller),
        )
        .order_by(FollowUser.id)
        .limit(1)
    ).first()
    if row is None:
        raise NotFound(f"{userid} of {corpid} does not have customer {customer_id} as a contact")
    return row


def own_relations(caller: Caller) -> list[ColumnElement[bool]]:
    """Which relations the caller sees."""
    if caller.sees_everyone:
        return []
    return [FollowUser.corpid == caller.corpid, FollowUser.userid == caller.userid]


def _visible(caller: Caller) -> list[ColumnElement[bool]]:
    """Which customers the caller sees."""
    if caller.sees_everyone:
        return []
    theirs = (
        select(Identity.customer_id)
        .join(FollowUser, FollowUser.identity_id == Identity.id)
        .where(
            FollowUser.company_id == caller.company_id,
            FollowUser.status.not_in(ENDED),
            *own_relations(caller),
        )
    )
    return [Customer.id.in_(theirs)]


def _may_have(company_id: int, tag_id: int) -> ColumnElement[bool]:
    """Customers with any reason for the tag; what they have after all is for `effective` to say."""
    ruled = select(CustomerTag.customer_id).where(
        CustomerTag.company_id == company_id, CustomerTag.tag_id == tag_id
    )
    marks = select(Mark).where(
        Mark.company_id == company_id, Mark.tag_id == tag_id, Mark.verb == "mark", Mark.ended_at.is_(None)
    )
    by_customer = marks.with_only_columns(Mark.customer_id)
    # A mark keeps the customer of its time; its relation and its id lead to the one of today.
    by_relation = (
        marks.join(FollowUser, FollowUser.id == Mark.follow_user_id)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .with_only_columns(Identity.customer_id)
    )
    by_identity = marks.join(Identity, Identity.id == Mark.identity_id).with_only_columns(
        Identity.customer_id
    )
    absorbed = select(Customer.merged_into).where(
        Customer.merged_into.is_not(None), Customer.id.in_(by_customer)
    )
    return or_(
        *(Customer.id.in_(found) for found in (ruled, by_customer, by_relation, by_identity, absorbed))
    )


def _answers_to(session: Session, caller: Caller, q: str) -> ColumnElement[bool]:
    """A part of a name, a whole id, or a phone."""
    part = func.lower(q)
    named = or_(
        func.instr(func.lower(Customer.name), part) > 0,
        Customer.id.in_(
            select(Identity.customer_id).where(
                Identity.company_id == caller.company_id,
                or_(func.instr(func.lower(Identity.name), part) > 0, Identity.value == q),
            )
        ),
    )
    number = mobile(q)
    if number is None:
        return named
    row = identity_row(session, session.get_one(Company, caller.company_id), IdentityKey(PHONE, "", number))
    return or_(named, Customer.id == (row.customer_id if row else 0))
