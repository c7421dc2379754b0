"""Two companies of one installation, alike in everything that the schema lets two companies have alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Table, select
from sqlalchemy.orm import Session

from tests.callbacks import playing
from wxtag import companies, verdicts
from wxtag.apikeys import make_key
from wxtag.app import core
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, NewLink, Profile, Relation
from wxtag.models import (
    Base,
    Company,
    Conflict,
    CustomerTag,
    History,
    Identity,
    Merge,
    RuleVersion,
    Tag,
    TagGroup,
    User,
)
from wxtag.resolve import apply
from wxtag.setup_links import make_setup_link

NOW = playing.NOW * 1000
CORP = "ww0a17000000000001"
"""Both have an app of this corp: agents 1 and 2."""
OLD_OA = "wx5a17d0c0ffee0a00"
"""An Official Account that both once had: no longer bound, but people are known by its openids."""
MARKS = ("", "甲方的秘密", "乙方的秘密")
PHONE = "+8613800138000"
PASSWORD = "correct horse"
RULE = {"kind": "activity", "windows": [{"days": 7, "at_least": 1}]}
OWNED = {table.name: table for table in Base.metadata.sorted_tables if "company_id" in table.c}
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what means the same on both."""
Rows = Mapping[str, list[str]]


@dataclass
class Side:
    """One of the two, with the numbers of what is in it."""

    mark: str
    """Stands in every text of it that the schema leaves free, and nowhere else."""
    number: int
    company: int
    name: str
    accounts: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    lin: int = 0
    wang: int = 0
    mei: int = 0
    merge: int = 0
    """By which somebody became Mei."""
    conflict: int = 0
    group: int = 0
    tag: int = 0
    """By a rule."""
    hand: int = 0
    setup: str = ""

    @property
    def oa(self) -> str:
        return f"wx5a17d0c0ffee0a0{self.number}"

    @property
    def mini(self) -> str:
        return f"wx5a17d0c0ffee0b0{self.number}"

    @property
    def corp(self) -> str:
        """A corp of its own, beside the one that both have."""
        return f"ww0a1700000000000{self.number}x"

    @property
    def admin(self) -> str:
        return f"{self.mark}管理"

    def documents(self) -> list[dict[str, Any]]:
        common = {"aes_key": playing.AES_KEY, "open_platform": "open-1", "name": self.mark}
        own = {**common, "token": f"Token{self.number}"}
        return [
            {**own, "kind": "wecom", "corpid": CORP, "agentid": self.number, "secret": f"app-{self.number}"},
            {**own, "kind": "wecom", "corpid": self.corp, "agentid": 1, "secret": f"own-{self.number}"},
            {**own, "kind": "official_account", "appid": self.oa, "secret": f"oa-{self.number}"},
            {**own, "kind": "mini_program", "appid": self.mini, "secret": f"mini-{self.number}"},
        ]


def found(session: Session, number: int) -> Side:
    """A company with its accounts and keys, and nobody in it."""
    mark = MARKS[number]
    company = companies.make_company(session, core().sealer, f"{mark}公司")
    company.created_at = NOW - 30 * 86_400_000
    side = Side(mark, number, company.id, company.name)
    for name, document in zip(("shared", "corp", "oa", "mini"), side.documents(), strict=True):
        side.accounts[name] = companies.bind(session, core().sealer, company, document).id
    for role in ("admin", "manager"):
        side.keys[role] = make_key(session, company.id, role)
    side.keys["staff"] = make_key(session, company.id, "staff", f"{CORP}/ZhaoMin")
    return side


def settle(session: Session, side: Side) -> None:
    """People, tags and all the rest; what has no meaning here is filled in, so that no table is empty."""
    company = side.company
    openid, external = lambda name: IdentityKey("openid", OLD_OA, f"o-{name}"), _external
    union, member = IdentityKey("unionid", "open-1", "u-lin"), IdentityKey("member", "shop", "M-7")
    said = {"note": side.mark}
    apply(
        session,
        company,
        Decoded(
            events=[
                NewEvent(openid("lin"), "followed", NOW - 3000, "store-017", properties=said, uid="api:1"),
                NewEvent(external("lin"), "added", NOW - 2000, properties=said, uid="api:2"),
                NewEvent(member, "viewed", NOW - 2000, properties=said, uid="api:3"),
            ],
            links=[
                NewLink(openid("lin"), union, "user_info"),
                NewLink(external("lin"), union, "contact"),
                NewLink(openid("lin"), IdentityKey("phone", "", PHONE), "mini_phone"),
                NewLink(member, union, "contact"),
            ],
            profiles=[Profile(external("lin"), f"林晓{side.mark}", at=NOW)],
            relations=[
                Relation(CORP, "ZhaoMin", "wm-lin", "active", "poster-042", remark=side.mark, at=NOW),
                Relation(CORP, "ChenYu", "wm-lin", "active", at=NOW),
                Relation(CORP, "ChenYu", "wm-wang", "active", at=NOW),
            ],
        ),
        1,
    )
    alone = [openid("mei"), openid("hua"), external("wang")]
    apply(
        session,
        company,
        Decoded(profiles=[Profile(one, f"{one.value}{side.mark}", at=NOW) for one in alone]),
        2,
    )
    people = {
        row.value: row for row in session.scalars(select(Identity).where(Identity.company_id == company))
    }
    side.lin, side.wang = people["wm-lin"].customer_id, people["wm-wang"].customer_id
    side.mei = verdicts.merge(
        session, company, people["o-mei"].customer_id, people["o-hua"].customer_id, side.mark
    )
    side.merge = session.scalars(select(Merge.id).where(Merge.company_id == company)).one()
    _tags(session, side)
    ends = [people["wm-wang"].id, people["o-mei"].id]
    conflict = Conflict(
        company_id=company, kind="phone", identity_id=ends[0], evidence={"sides": ends, "links": []}, at=NOW
    )
    session.add_all([conflict, _admin(side)])
    session.flush()
    side.conflict = conflict.id
    side.setup = make_setup_link(session, company)
    fill(session, side)


def _external(name: str) -> IdentityKey:
    return IdentityKey("external_userid", CORP, f"wm-{name}")


def _tags(session: Session, side: Side) -> None:
    common: dict[str, Any] = {"company_id": side.company}
    group = TagGroup(**common, path="地区/城市", description=side.mark)
    session.add(group)
    session.flush()
    tag = Tag(**common, group_id=group.id, name="杭州", description=side.mark)
    hand = Tag(**common, group_id=group.id, name="高意向", description=side.mark)
    session.add_all([tag, hand])
    session.flush()
    rule = RuleVersion(**common, tag_id=tag.id, version=1, tree=RULE, actor=side.mark, at=NOW)
    session.add(rule)
    session.flush()
    about: dict[str, Any] = {**common, "customer_id": side.lin, "tag_id": tag.id, "text": side.mark}
    session.add(CustomerTag(**about, rule_version_id=rule.id, value=None, since=NOW))
    session.add(History(**about, verb="tagged", actor=side.mark, at=NOW))
    side.group, side.tag, side.hand = group.id, tag.id, hand.id


def _admin(side: Side) -> User:
    # Made by hand: the hash of a password takes longer than all the rest.
    return User(
        company_id=side.company, name=side.admin, password=f"none {side.mark}", role="admin", created_at=NOW
    )


def fill(session: Session, side: Side) -> None:
    """A row in each table of a company that has none yet: also in those of tomorrow."""
    for table in OWNED.values():
        if session.execute(_theirs(table, side.company).limit(1)).first() is None:
            values = {
                column.name: _made_up(session, side, column) for column in table.c if not _counts(column)
            }
            session.execute(table.insert().values(**values))
    session.flush()


def _counts(column: Column[Any]) -> bool:
    return bool(column.primary_key and not column.foreign_keys)


def _made_up(session: Session, side: Side, column: Column[Any]) -> Any:
    if column.name == "company_id":
        return side.company
    for key in column.foreign_keys:
        target = key.column.table
        return session.execute(_theirs(target, side.company).with_only_columns(key.column)).scalars().first()
    if isinstance(column.type, JSON):
        return [] if column.name in ("plan", "departments", "moved", "stayed") else {"note": side.mark}
    kind = column.type.python_type
    if kind is bytes:
        return side.mark.encode()
    if kind is str:
        return _text(side, column)
    return kind(0)


def _text(side: Side, column: Column[Any]) -> str:
    """Colliding where it is part of a key, else the mark; state and kind keep their meaning or have none."""
    if column.name == "state":
        return "done"
    table = column.table
    assert isinstance(table, Table)
    in_a_key = any(column.name in one.columns for one in _uniques(table) if "company_id" in one.columns)
    return f"same {column.name}" if in_a_key else side.mark


def _uniques(table: Table) -> list[Any]:
    return [one for one in table.constraints if type(one).__name__ == "UniqueConstraint"]


def _theirs(table: Table, company_id: int) -> Any:
    column = table.c.company_id if "company_id" in table.c else table.c.id
    return table.select().where(column == company_id)


def rows_of(session: Session, company_id: int) -> Rows:
    """Everything that is a company's, as text."""
    session.rollback()
    session.expire_all()
    tables = [*OWNED.values(), Company.__table__]
    rows: dict[str, list[str]] = {}
    for table in tables:
        assert isinstance(table, Table)
        rows[table.name] = sorted(str(tuple(row)) for row in session.execute(_theirs(table, company_id)))
    session.rollback()
    return rows


def differing(before: Rows, after: Rows) -> dict[str, list[str]]:
    """Table -> the rows that came or went."""
    return {
        name: sorted(set(before[name]) ^ set(after[name])) for name in before if before[name] != after[name]
    }
