"""Makes people for tests: ids, evidence, and the partition that follows."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag.database import writing
from wxtag.events.decoded import Decoded, IdentityKey, NewLink
from wxtag.models import CorpTag, Identity, Tag, TagGroup
from wxtag.resolve import apply

OA, MP, CORP, OPEN = "wx5c0ffee5c0ffee01", "wx5c0ffee5c0ffee02", "ww0demo0000000001", "open-1"


def openid(value: str, appid: str = OA) -> IdentityKey:
    return IdentityKey("openid", appid, value)


def unionid(value: str, scope: str = OPEN) -> IdentityKey:
    return IdentityKey("unionid", scope, value)


def external(value: str) -> IdentityKey:
    return IdentityKey("external_userid", CORP, value)


def phone(value: str) -> IdentityKey:
    return IdentityKey("phone", "", value)


def learn(session: Session, company_id: int, *links: tuple[IdentityKey, IdentityKey]) -> set[int]:
    """Takes evidence in, one message each."""
    touched: set[int] = set()
    for number, (one, other) in enumerate(links):
        touched |= apply(session, company_id, Decoded(links=[NewLink(one, other, "test")]), number + 1)
    return touched


def partition(session: Session, company_id: int) -> set[frozenset[str]]:
    """Who is one person with whom: sets of `kind:value` (phones by their hash's place in the order)."""
    groups: dict[int, set[str]] = {}
    for row in session.scalars(
        select(Identity).where(Identity.company_id == company_id).order_by(Identity.id)
    ):
        groups.setdefault(row.customer_id, set()).add(f"{row.kind}:{row.scope}:{row.value[:24]}")
    return {frozenset(group) for group in groups.values()}


def standing_tag(company_id: int, seen_at: int, hand_scope: str = "relation") -> int:
    """Our tag 高意向, which stands as et1 in the corp's library; returns its id."""
    with writing() as session:
        group = TagGroup(company_id=company_id, path="客户意向", hand_scope=hand_scope)
        session.add(group)
        session.flush()
        made = Tag(company_id=company_id, group_id=group.id, name="高意向")
        session.add(made)
        session.flush()
        session.add(
            CorpTag(
                company_id=company_id,
                corpid=CORP,
                wecom_id="et1",
                group_wecom_id="eg",
                group_name="客户意向",
                name="高意向",
                tag_id=made.id,
                seen_at=seen_at,
            )
        )
        return made.id
