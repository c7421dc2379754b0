"""Named people and a small library for the tests of tags."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag.database import reading, writing
from wxtag.models import (
    Account,
    Channel,
    ChannelValue,
    Company,
    Customer,
    CustomerTag,
    Event,
    FollowUser,
    Identity,
    RuleVersion,
    Tag,
    TagGroup,
)

OFFICIAL, MINI, CORP = "wx1111111111111111", "wx2222222222222222", "ww0123456789abcdef"
DAY = 86_400_000
NOON = 1_790_000_000_000 - 1_790_000_000_000 % DAY + 4 * 3_600_000
"""Some noon in Shanghai."""
numbers = itertools.count(1)


@dataclass
class World:
    """What a test builds in one company."""

    company_id: int
    accounts: dict[str, int] = field(default_factory=dict)

    def bind(self, session: Session) -> None:
        for kind, key in (("official_account", OFFICIAL), ("mini_program", MINI), ("wecom", CORP)):
            account = Account(
                company_id=self.company_id,
                kind=kind,
                key=key,
                appid=key,
                agentid=0,
                name=kind,
                open_platform="op",
                mode="safe",
                format="xml",
                secret="",
                token="",
                aes_key="",
                status="active",
                created_at=NOON,
                updated_at=NOON,
            )
            session.add(account)
            session.flush()
            self.accounts[kind] = account.id

    def customer(self, session: Session) -> int:
        customer = Customer(company_id=self.company_id, name="", created_at=NOON - 400 * DAY)
        session.add(customer)
        session.flush()
        return customer.id

    def identity(
        self, session: Session, customer_id: int, kind: str = "openid", scope: str = OFFICIAL, **more: Any
    ) -> int:
        identity = Identity(
            company_id=self.company_id,
            kind=kind,
            scope=scope,
            value=f"{kind}-{next(numbers)}",
            customer_id=customer_id,
            created_at=NOON,
            **more,
        )
        session.add(identity)
        session.flush()
        return identity.id

    def relation(self, session: Session, customer_id: int, userid: str = "zhao", **more: Any) -> int:
        identity_id = self.identity(session, customer_id, "external_userid", CORP)
        external = session.get_one(Identity, identity_id).value
        row = FollowUser(
            company_id=self.company_id,
            corpid=CORP,
            userid=userid,
            shown=userid,
            external_userid=external,
            identity_id=identity_id,
            added_at=NOON,
            **more,
        )
        session.add(row)
        session.flush()
        return row.id

    def event(
        self,
        session: Session,
        identity_id: int,
        kind: str = "messaged",
        at: int = NOON,
        account: str = "official_account",
        **more: Any,
    ) -> int:
        row = Event(
            company_id=self.company_id,
            identity_id=identity_id,
            kind=kind,
            at=at,
            uid=f"u{next(numbers)}",
            account_id=self.accounts.get(account),
            **more,
        )
        session.add(row)
        session.flush()
        return row.id

    def group(self, session: Session, path: str = "组", **more: Any) -> TagGroup:
        group = TagGroup(company_id=self.company_id, path=path, **more)
        session.add(group)
        session.flush()
        if group.family is not None:
            self.version(session, group.family, group_id=group.id)
        return group

    def tag(self, session: Session, group: TagGroup, name: str, rule: dict[str, Any] | None = None) -> int:
        tag = Tag(company_id=self.company_id, group_id=group.id, name=name)
        session.add(tag)
        session.flush()
        if rule is not None:
            self.version(session, rule, tag_id=tag.id)
        return tag.id

    def version(self, session: Session, tree: dict[str, Any] | None, **whose: int) -> None:
        session.add(
            RuleVersion(
                company_id=self.company_id, version=next(numbers), tree=tree, actor="test", at=NOON, **whose
            )
        )
        session.flush()

    def channel(self, session: Session, name: str, *values: str) -> None:
        channel = Channel(company_id=self.company_id, name=name)
        session.add(channel)
        session.flush()
        for value in values:
            session.add(ChannelValue(company_id=self.company_id, value=value, channel_id=channel.id))

    def shown(self, customer_id: int) -> dict[str, tuple[int | None, str]]:
        """The rules' tags of a customer as people see them: name -> (value, why)."""
        with reading() as session:
            rows = session.execute(
                select(Tag.name, CustomerTag.value, CustomerTag.text)
                .join(Tag, Tag.id == CustomerTag.tag_id)
                .where(CustomerTag.customer_id == customer_id)
            ).all()
        return {name: (value, text) for name, value, text in rows}


def world(company: Company) -> World:
    made = World(company.id)
    with writing() as session:
        made.bind(session)
    return made
