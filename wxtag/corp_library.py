"""Keeps a corp's tag library and ours in step: what WeCom has is read, what we need there is made."""

import logging
from collections import defaultdict
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from wxtag import clock, rows, touch
from wxtag.accounts import BoundAccount
from wxtag.database import reading, writing
from wxtag.errors import PlatformError
from wxtag.events.decoded import Question
from wxtag.models import CorpTag, CustomerTag, FollowUser, Identity, Lookup, Mark, RelationTag, Tag, TagGroup
from wxtag.platforms import WeCom
from wxtag.platforms.codes import no_answer

AT_ONCE = 50
"""New tags a call; no maximum is published."""
NAME_EXISTS = 40071
LONGEST_WAIT = 300.0
"""Seconds between two tries, and after what an admin has to mend."""
log = logging.getLogger(__name__)


def wanted_anew(session: Session, company_id: int, corpid: str) -> int | None:
    """The version of the waiting wish to read this corp's library, or None when nobody wishes it."""
    return session.scalar(
        select(Lookup.version).where(
            Lookup.company_id == company_id,
            Lookup.kind == touch.LIBRARY,
            Lookup.subject == corpid,
            Lookup.state == "waiting",
            Lookup.next_try_at <= clock.now(),
        )
    )


def bring_into_step(company_id: int, account: BoundAccount, wecom: WeCom) -> None:
    """Reads the corp's library, and makes what is missing of ours there. Raises PlatformError.

    Does nothing while an earlier trouble with it says to wait.
    """
    corpid = account.key
    with reading() as session:
        version, waits = wanted_anew(session, company_id, corpid), _put_off(session, company_id, corpid)
        before = _standing(session, company_id, corpid)
    if waits:
        return
    if version is not None:
        read_library(company_id, corpid, wecom)
    make_missing(company_id, corpid, wecom)
    with writing() as session:
        if version is not None:
            session.execute(
                update(Lookup)
                .where(
                    Lookup.company_id == company_id,
                    Lookup.kind == touch.LIBRARY,
                    Lookup.subject == corpid,
                    Lookup.version == version,
                )
                .values(state="answered", answered_at=clock.now(), error=None, tries=0)
            )
            # What is pushed at all may have changed with it.
            whole = select(FollowUser.id).where(
                FollowUser.company_id == company_id, FollowUser.corpid == corpid
            )
            touch.want_push_of(session, session.scalars(whole).all())
            return
        now = _standing(session, company_id, corpid)
        moved = {tag_id for tag_id in {*before, *now} if before.get(tag_id) != now.get(tag_id)}
        for tag_ids in rows.chunks(moved, 500):
            touch.want_push_of(session, _having(session, company_id, corpid, tag_ids))


def put_off(company_id: int, account: BoundAccount, error: PlatformError) -> None:
    """The library could not be read or made now: it waits, longer each time."""
    with writing() as session:
        touch.ask(session, company_id, Question(account.id, touch.LIBRARY, account.key))
        for row in session.scalars(
            select(Lookup).where(
                Lookup.company_id == company_id,
                Lookup.kind == touch.LIBRARY,
                Lookup.subject == account.key,
            )
        ):
            longer = min(max(error.wait, 2.0) * 2 ** min(row.tries, 8), LONGEST_WAIT)
            wait = LONGEST_WAIT if error.permanent else max(longer, error.wait)
            row.tries += 1
            row.next_try_at = clock.now() + int(wait * 1000)
            row.error = str(error)[:500]


def _put_off(session: Session, company_id: int, corpid: str) -> bool:
    waits = select(Lookup.id).where(
        Lookup.company_id == company_id,
        Lookup.kind == touch.LIBRARY,
        Lookup.subject == corpid,
        Lookup.state == "waiting",
        Lookup.next_try_at > clock.now(),
    )
    return session.scalar(waits.limit(1)) is not None


def _standing(session: Session, company_id: int, corpid: str) -> dict[int, str]:
    """Our tag -> its id in the corp's library."""
    found = session.execute(
        select(CorpTag.tag_id, CorpTag.wecom_id)
        .where(
            CorpTag.company_id == company_id,
            CorpTag.corpid == corpid,
            CorpTag.deleted_at.is_(None),
            CorpTag.tag_id.is_not(None),
        )
        .order_by(CorpTag.id.desc())
    )
    return {tag_id: wecom_id for tag_id, wecom_id in found if tag_id is not None}


def _having(session: Session, company_id: int, corpid: str, tag_ids: list[int]) -> list[int]:
    """The relations with this corp whose customers have one of the tags, by rule or by hand."""
    by_rule = select(CustomerTag.customer_id).where(
        CustomerTag.company_id == company_id, CustomerTag.tag_id.in_(tag_ids)
    )
    by_hand = select(Mark.customer_id).where(Mark.company_id == company_id, Mark.tag_id.in_(tag_ids))
    of_relation = select(Mark.follow_user_id).where(
        Mark.company_id == company_id, Mark.tag_id.in_(tag_ids), Mark.follow_user_id.is_not(None)
    )
    return list(
        session.scalars(
            select(FollowUser.id)
            .join(Identity, Identity.id == FollowUser.identity_id)
            .where(
                FollowUser.company_id == company_id,
                FollowUser.corpid == corpid,
                Identity.customer_id.in_(by_rule.union(by_hand)) | FollowUser.id.in_(of_relation),
            )
        )
    )


def read_library(company_id: int, corpid: str, wecom: WeCom) -> None:
    """Our picture of the corp's library as WeCom has it now."""
    groups = wecom.corp_tags()
    if not groups:
        _believe_empty(company_id, corpid, wecom)
    with writing() as session:
        _take_in(session, company_id, corpid, groups)
        _forget_missing(session, company_id, corpid, {tag["id"] for g in groups for tag in g.get("tag", [])})


def _believe_empty(company_id: int, corpid: str, wecom: WeCom) -> None:
    """A library that is suddenly empty: WeCom also says ok and nothing else. Deleted tags are shown by id."""
    with reading() as session:
        known = list(_standing(session, company_id, corpid).values())[:AT_ONCE]
    if known and not wecom.corp_tags(tag_ids=known):
        raise no_answer("externalcontact/get_corp_tag_list", "平台应答成功却没有任何标签，稍后自动重试")


def make_missing(company_id: int, corpid: str, wecom: WeCom) -> int:
    """Makes the tags of pushed groups that the corp's library lacks; returns how many were made."""
    with reading() as session:
        missing = _missing(session, company_id, corpid)
    made = 0
    for (group_path, group_order), tags in missing.items():
        for start in range(0, len(tags), AT_ONCE):
            part = tags[start : start + AT_ONCE]
            made += _make(company_id, corpid, wecom, group_path, group_order, part)
    return made


def forget_tag(session: Session, company_id: int, corpid: str, wecom_id: str) -> None:
    """WeCom does not know this tag any more: it is made again under its name, with a new id."""
    session.execute(
        update(CorpTag)
        .where(CorpTag.company_id == company_id, CorpTag.corpid == corpid, CorpTag.wecom_id == wecom_id)
        .values(deleted_at=clock.now())
    )
    _gone(session, company_id, [wecom_id])
    touch.want_library(session, company_id)


def _missing(session: Session, company_id: int, corpid: str) -> dict[tuple[str, int], list[tuple[str, int]]]:
    """(group, its order) -> [(tag, its order)] of what is ours to push and not there."""
    there = select(CorpTag.tag_id).where(
        CorpTag.company_id == company_id,
        CorpTag.corpid == corpid,
        CorpTag.deleted_at.is_(None),
        CorpTag.tag_id.is_not(None),
    )
    found = session.execute(
        select(TagGroup.path, TagGroup.order, Tag.name, Tag.order)
        .join(Tag, Tag.group_id == TagGroup.id)
        .where(
            Tag.company_id == company_id,
            Tag.retired_at.is_(None),
            TagGroup.push == "on",
            Tag.id.not_in(there),
        )
        .order_by(TagGroup.order.desc(), TagGroup.id, Tag.order.desc(), Tag.id)
    )
    missing: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
    for path, group_order, name, order in found:
        missing[(path, group_order)].append((name, order))
    return dict(missing)


def _make(
    company_id: int, corpid: str, wecom: WeCom, path: str, group_order: int, tags: list[tuple[str, int]]
) -> int:
    """One group's new tags. A name that is there already is taken over by reading the library again."""
    try:
        group = wecom.add_corp_tags(tags, group_name=path, group_order=group_order)
    except PlatformError as error:
        if error.code != NAME_EXISTS or len(tags) == 1:
            if error.code == NAME_EXISTS:
                read_library(company_id, corpid, wecom)
                return 0
            raise
        return sum(_make(company_id, corpid, wecom, path, group_order, [tag]) for tag in tags)
    with writing() as session:
        _take_in(session, company_id, corpid, [group])
        names = {tag["name"] for tag in group.get("tag", [])}
    if names < {name for name, _ in tags}:
        # WeCom answers with the new ones alone: the others were there already under their names.
        read_library(company_id, corpid, wecom)
    log.info("made %d tags in the group %s of %s", len(names), path, corpid)
    return len(names)


def _take_in(session: Session, company_id: int, corpid: str, groups: list[dict[str, Any]]) -> None:
    now = clock.now()
    known = {
        row.wecom_id: row
        for row in session.scalars(
            select(CorpTag).where(CorpTag.company_id == company_id, CorpTag.corpid == corpid)
        )
    }
    ours = _our_tags(session, company_id)
    for group in groups:
        for tag in group.get("tag", []):
            row = known.get(tag["id"])
            if row is None:
                row = CorpTag(
                    company_id=company_id,
                    corpid=corpid,
                    wecom_id=tag["id"],
                    group_wecom_id=group.get("group_id", ""),
                    group_name="",
                    name="",
                    seen_at=now,
                )
                session.add(row)
                known[tag["id"]] = row
            row.group_name, row.name = group.get("group_name", row.group_name), tag["name"]
            row.group_wecom_id, row.order = group.get("group_id", row.group_wecom_id), tag.get("order", 0)
            row.seen_at, row.deleted_at = now, None
            # A tag keeps standing for ours when it was renamed in WeCom; a new one does by its names.
            if row.tag_id is None:
                row.tag_id = ours.get((row.group_name, row.name))
    session.flush()


def _our_tags(session: Session, company_id: int) -> dict[tuple[str, str], int]:
    found = session.execute(
        select(TagGroup.path, Tag.name, Tag.id)
        .join(Tag, Tag.group_id == TagGroup.id)
        .where(Tag.company_id == company_id, Tag.retired_at.is_(None))
    )
    return {(path, name): tag_id for path, name, tag_id in found}


def _forget_missing(session: Session, company_id: int, corpid: str, there: set[str]) -> None:
    """Tags that the full list no longer has were deleted in WeCom, and nobody has them any more."""
    gone = []
    for row in session.scalars(
        select(CorpTag).where(
            CorpTag.company_id == company_id, CorpTag.corpid == corpid, CorpTag.deleted_at.is_(None)
        )
    ):
        if row.wecom_id not in there:
            row.deleted_at = clock.now()
            gone.append(row.wecom_id)
    session.flush()
    for some in rows.chunks(gone):
        _gone(session, company_id, some)


def _gone(session: Session, company_id: int, wecom_ids: list[str]) -> None:
    """A tag goes from everyone with the tag itself: staff did not take it off."""
    session.execute(
        delete(RelationTag).where(RelationTag.company_id == company_id, RelationTag.wecom_id.in_(wecom_ids))
    )
