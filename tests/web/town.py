"""A company with people in it, made by the core as messages would make them; tags written down by hand."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, NewLink, Profile, Relation
from wxtag.models import CustomerTag, History, Identity, RuleVersion, Tag, TagGroup
from wxtag.resolve import apply

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of what does not reach the database: one kind is enough."""
PHONE = "+8613800138000"
RULE = {"kind": "activity", "windows": [{"days": 7, "at_least": 1}]}


@dataclass(frozen=True)
class Town:
    company_id: int
    corpid: str
    appid: str
    lin: int
    wang: int
    mei: int
    group_id: int
    tag_id: int
    """杭州, which Lin has by a rule."""
    hand_id: int
    """高意向, which people put on."""

    def openid(self, name: str) -> IdentityKey:
        return IdentityKey("openid", self.appid, f"o-{name}")

    def external(self, name: str) -> IdentityKey:
        return IdentityKey("external_userid", self.corpid, f"wm-{name}")


def settle(session: Session, company_id: int, mark: str = "") -> Town:
    corpid, appid = f"ww5a17{mark or '0'}000000000001", f"wx5a17d0c0ffee0a0{'2' if mark else '1'}"
    openid = lambda name: IdentityKey("openid", appid, f"o-{name}{mark}")  # noqa: E731
    external = lambda name: IdentityKey("external_userid", corpid, f"wm-{name}{mark}")  # noqa: E731
    now = clock.now()
    apply(
        session,
        company_id,
        Decoded(
            events=[
                NewEvent(openid("lin"), "followed", now - 3000, "store-017"),
                NewEvent(openid("lin"), "located", now - 2000, place="330100"),
                NewEvent(external("lin"), "added", now - 1000),
            ],
            links=[
                NewLink(openid("lin"), external("lin"), "contact"),
                NewLink(openid("lin"), IdentityKey("phone", "", PHONE), "mini_phone"),
            ],
            profiles=[Profile(external("lin"), f"林晓{mark}", at=now)],
            relations=[
                Relation(corpid, "ZhaoMin", f"wm-lin{mark}", "active", "poster-042", at=now),
                Relation(corpid, "ChenYu", f"wm-lin{mark}", "active", at=now),
            ],
        ),
        1,
    )
    apply(
        session,
        company_id,
        Decoded(
            events=[NewEvent(external("wang"), "added", now)],
            profiles=[Profile(external("wang"), f"王一{mark}", at=now)],
            relations=[Relation(corpid, "ChenYu", f"wm-wang{mark}", "active", at=now)],
        ),
        2,
    )
    apply(session, company_id, Decoded(events=[NewEvent(openid("mei"), "messaged", now)]), 3)
    group = TagGroup(company_id=company_id, path=f"地区/城市{mark}")
    session.add(group)
    session.flush()
    made = Tag(company_id=company_id, group_id=group.id, name="杭州")
    hand = Tag(company_id=company_id, group_id=group.id, name="高意向")
    session.add_all([made, hand])
    session.flush()
    version = RuleVersion(
        company_id=company_id, tag_id=made.id, version=1, tree=RULE, actor="test", at=clock.now()
    )
    session.add(version)
    session.flush()
    ids = {
        name: session.scalars(
            select(Identity.customer_id).where(
                Identity.company_id == company_id, Identity.value == f"{prefix}{name}{mark}"
            )
        ).one()
        for name, prefix in (("lin", "wm-"), ("wang", "wm-"), ("mei", "o-"))
    }
    session.add(
        CustomerTag(
            company_id=company_id,
            customer_id=ids["lin"],
            tag_id=made.id,
            rule_version_id=version.id,
            value=None,
            text="最近位置：浙江·杭州",
            since=now,
        )
    )
    session.add(
        History(
            company_id=company_id,
            customer_id=ids["lin"],
            verb="tagged",
            tag_id=made.id,
            actor="rules",
            text="最近位置：浙江·杭州",
            at=now,
        )
    )
    return Town(company_id, corpid, appid, **ids, group_id=group.id, tag_id=made.id, hand_id=hand.id)
