"""Once a day: who of a corp's staff is new, gone or renamed. Self-built apps are told of none of it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, staff, touch
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.companies import opened
from wxtag.database import reading, writing
from wxtag.errors import PlatformError
from wxtag.events.decoded import Question
from wxtag.follow_users import LIVE
from wxtag.importing import staff_list
from wxtag.importing.corp import AT_ONCE, CURSOR_LAPSED, keep_contacts
from wxtag.importing.keeping import Names
from wxtag.importing.renames import Member, matched
from wxtag.importing.run import STAFF, WAITING, Run, begin, newest, save_in
from wxtag.models import Account, FollowUser, Import, Staff
from wxtag.platforms import WeCom, wecom
from wxtag.resolve import one_at_a_time

NO_SUCH_MEMBER = {60111, 46004, 40003, 301021}
MOST_ASKED = 300
"""Members who are on no list are asked for one by one, at most so many a day."""
RETRY_MS, ADMIN_RETRY_MS = 600_000, 3_600_000
POLL = "poll"


def due(session: Session, now: int) -> list[int]:
    """The accounts whose staff is to be looked at: one for each corp, from 02:00 on, once a day."""
    rows = session.execute(
        select(Account.id, Account.company_id, Account.key, Account.created_at, Import.resume_at)
        .outerjoin(Import, (Import.account_id == Account.id) & (Import.kind == STAFF))
        .where(Account.kind == "wecom")
        .order_by(Account.id)
    )
    seen: set[tuple[int, str]] = set()
    found = []
    for account_id, company_id, corpid, created_at, resume_at in rows:
        if (company_id, corpid) in seen:
            continue
        seen.add((company_id, corpid))
        if (resume_at if resume_at is not None else staff_list.next_poll(created_at)) <= now:
            found.append(account_id)
    return found


def poll(account_id: int) -> dict[str, int]:
    """Looks at one corp's staff; returns how many joined, left and were renamed. Raises PlatformError."""
    with reading() as session:
        row = session.get(Account, account_id)
        assert row is not None, account_id
        account = opened(row, core().sealer)
    run = base(account)
    try:
        return _poll(run, wecom(account))
    except PlatformError as error:
        run.error = str(error)
        wait = ADMIN_RETRY_MS if error.permanent else max(RETRY_MS, int(error.wait * 1000))
        run.resume_at = clock.now() + wait
        with writing() as session:
            save_in(session, run)
        raise


def base(account: BoundAccount) -> Run:
    """The poll's row; its plan is the list of members with customers as it was last seen."""
    with writing() as session:
        return newest(session, account, STAFF) or begin(session, account, STAFF, POLL, WAITING)


def _poll(run: Run, platform: WeCom) -> dict[str, int]:
    account, known = run.account, {userid.lower() for userid in run.plan}
    listed = staff_list.read(run.call, platform)
    now_there = {userid.lower(): userid for userid in listed.follow_users}
    with reading() as session:
        missing = _missing(session, account, listed)
    gone = {userid for userid in missing if _is_gone(run, platform, userid)}
    unread = (known - set(now_there)) - gone
    newcomers = {u: shown for u, shown in now_there.items() if u not in known} if known or gone else {}
    contacts = _contacts(run, platform, list(newcomers.values()))
    with writing() as session:
        one_at_a_time(session, account.company_id)
        before = {userid: _as_known(session, account, userid) for userid in gone}
        after = {u: Member(listed.name(u), contacts.get(u, {})) for u in newcomers}
        renamed = matched(before, after)
        touched: set[int] = set()
        for old, new in renamed.items():
            touched |= staff.renamed(session, account.company_id, account.key, old, newcomers[new])
        for userid in sorted(gone - set(renamed) | unread):
            _ask_about(session, account, userid)
        for userid in sorted(gone - set(renamed)):
            touched |= staff.left(session, account.company_id, account.key, userid, clock.now())
        joined = len(now_there.keys() - known - set(renamed.values()))
        staff_list.take_in(session, account, listed)
        touch.touch(session, account.company_id, touched)
        counts = {"joined": joined, "left": len(gone) - len(renamed), "renamed": len(renamed)}
        run.plan, run.error, run.resume_at = listed.follow_users, None, staff_list.next_poll(clock.now())
        run.counts |= counts
        save_in(session, run)
    return counts


def _missing(session: Session, account: BoundAccount, listed: staff_list.Listed) -> list[str]:
    """Members whom we believe in and who are on no list."""
    rows = session.scalars(
        select(Staff.userid)
        .where(Staff.company_id == account.company_id, Staff.corpid == account.key, Staff.status != "left")
        .order_by(Staff.userid)
    )
    present = listed.present
    return [userid for userid in rows if userid not in present][:MOST_ASKED]


def _is_gone(run: Run, platform: WeCom, userid: str) -> bool:
    """Whether the corp has no such member any more; one outside the app's range is not gone."""
    try:
        member = run.call(platform.user, userid)
    except PlatformError as error:
        if not error.permanent:
            raise
        return error.code in NO_SUCH_MEMBER
    return member.get("status") == staff_list.LEFT


def _contacts(
    run: Run, platform: WeCom, newcomers: list[str]
) -> dict[str, dict[str, tuple[int, int | None]]]:
    """Whom the newcomers have, kept in the inbox as well: customers that came into range are new to us.

    Kept before anything else is: if we die now, the next poll finds the same newcomers again.
    """
    names, found = Names(run), dict[str, dict[str, tuple[int, int | None]]]()
    for start in range(0, len(newcomers), AT_ONCE):
        cursor, seen = "", set[str]()
        while True:
            sent_at = clock.now()
            try:
                answer = run.call(
                    platform.batch_contacts, newcomers[start : start + AT_ONCE], cursor, AT_ONCE
                )
            except PlatformError as error:
                # Without a list there is no certainty, and nobody is re-keyed. What is not permanent, and a
                # cursor that lapsed, is worth another poll.
                if not error.permanent or error.code == CURSOR_LAPSED:
                    raise
                break
            rows = answer.get("external_contact_list")
            rows = rows if isinstance(rows, list) else []
            keep_contacts(run, sent_at, rows, names, again=str(sent_at))
            for row in rows:
                _note(found, row)
            cursor = str(answer.get("next_cursor") or "")
            if not cursor or cursor in seen:
                break
            seen.add(cursor)
    return found


def _note(found: dict[str, dict[str, tuple[int, int | None]]], row: Any) -> None:
    try:
        info, external = row["follow_info"], row["external_contact"]["external_userid"]
        added = int(info["createtime"]) * 1000, info.get("add_way")
        found.setdefault(str(info["userid"]).lower(), {})[external] = added
    except (KeyError, TypeError, ValueError):
        return  # kept and counted as unreadable already


def _as_known(session: Session, account: BoundAccount, userid: str) -> Member:
    name = session.scalar(
        select(Staff.name).where(
            Staff.company_id == account.company_id, Staff.corpid == account.key, Staff.userid == userid
        )
    )
    relations = session.scalars(_relations(account, userid))
    return Member(name or "", {one.external_userid: (one.added_at, one.add_way) for one in relations})


def _ask_about(session: Session, account: BoundAccount, userid: str) -> None:
    """Each customer of a member whom we no longer see is read again: somebody else may have them now."""
    for relation in session.scalars(_relations(account, userid)).all():
        touch.ask(session, account.company_id, Question(account.id, "contact", relation.external_userid))


def _relations(account: BoundAccount, userid: str) -> Any:
    return select(FollowUser).where(
        FollowUser.company_id == account.company_id,
        FollowUser.corpid == account.key,
        FollowUser.userid == userid,
        FollowUser.status.in_(LIVE),
    )
