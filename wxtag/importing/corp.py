"""The import of a corp: its staff, then page by page everyone whom they have as contacts, with their tags."""

from typing import Any

from wxtag import clock
from wxtag.database import writing
from wxtag.errors import PlatformError
from wxtag.importing import staff_list
from wxtag.importing.keeping import Names, keep
from wxtag.importing.run import STAFF, WAITING, Run, begin, newest, save_in
from wxtag.platforms import WeCom

AT_ONCE = 100
"""Members a call, at most."""
PARTS = 20
"""The staff is read in so many parts where it can be: one sees progress, and a lapsed cursor costs little."""
CURSOR_LAPSED, NO_CUSTOMERS = 50100, 84061
ABOUT_MEMBERS = {60011, 84074, 701008}
"""A member that the app may not read. Told of a whole call, though it may be one of a hundred."""
MOST_RESTARTS = 5
MOST_NAMED = 50


def read_staff(run: Run, wecom: WeCom) -> None:
    """First stage: who is there."""
    listed = staff_list.read(run.call, wecom)
    with writing() as session:
        staff_list.take_in(session, run.account, listed)
        if newest(session, run.account, STAFF) is None:
            # Where the daily poll begins from: without it a first rename could not be told from a newcomer.
            first = begin(session, run.account, STAFF, "poll", WAITING)
            first.plan, first.resume_at = listed.follow_users, staff_list.next_poll(run.started_at)
            save_in(session, first)
    run.plan = listed.follow_users
    size = max(1, min(AT_ONCE, -(-len(run.plan) // PARTS)))
    todo = [[start, min(start + size, len(run.plan))] for start in range(0, len(run.plan), size)]
    run.counts["staff"], run.counts["staff_done"] = len(run.plan), 0
    run.cursor = _chunk(todo)
    run.stage = "contacts"


def read_contacts(run: Run, wecom: WeCom) -> None:
    """One page of the contacts of one part of the staff; the last page of the last part ends the stage."""
    todo = run.cursor["todo"]
    if not todo:
        run.cursor, run.stage = {}, "settle"
        return
    start, end = todo[0]
    sent_at, cursor = clock.now(), str(run.cursor["cursor"])
    try:
        answer = run.call(wecom.batch_contacts, run.plan[start:end], cursor, AT_ONCE)
    except PlatformError as error:
        _refused(run, error)
        return
    rows = answer.get("external_contact_list")
    found = keep_contacts(run, sent_at, rows if isinstance(rows, list) else [], Names(run))
    _skip(run, _unlicensed(answer))
    run.count("people", found)
    following = str(answer.get("next_cursor") or "")
    if following and following != cursor:
        run.cursor = {**run.cursor, "cursor": following, "rows": run.cursor["rows"] + found}
    else:
        _next_part(run)


def keep_contacts(run: Run, sent_at: int, rows: list[Any], names: Names, again: str = "") -> int:
    """Keeps the rows of one page; returns how many there were that say of somebody.

    `again` sets messages apart from those of the same people that the same import kept before.
    """
    kept = []
    for row in rows:
        contact = row.get("external_contact") if isinstance(row, dict) else None
        info = row.get("follow_info") if isinstance(row, dict) else None
        external = contact.get("external_userid") if isinstance(contact, dict) else None
        userid = info.get("userid") if isinstance(info, dict) else None
        if not isinstance(external, str) or not isinstance(userid, str) or not external or not userid:
            run.count("unreadable")
            continue
        kept.append((names.of(userid.lower(), external, again), "contact", external, row))
    keep(run, sent_at, kept)
    return len(kept)


def _refused(run: Run, error: PlatformError) -> None:
    """What concerns one part only: begin it again, halve it, or leave it out. Anything else is raised."""
    todo = run.cursor["todo"]
    start, end = todo[0]
    restarts = run.cursor["restarts"]
    about_part = error.action == "give_up" or error.code in ABOUT_MEMBERS
    if not about_part or restarts >= MOST_RESTARTS:
        raise error
    if error.code == NO_CUSTOMERS:
        _next_part(run)
        return
    run.count("people", -run.cursor["rows"])
    if error.code == CURSOR_LAPSED:
        run.cursor = _chunk(todo, restarts + 1)
    elif end - start > 1:
        middle = (start + end) // 2
        run.cursor = _chunk([[start, middle], [middle, end], *todo[1:]])
    else:
        _skip(run, [run.plan[start]])
        _next_part(run)


def _next_part(run: Run) -> None:
    start, end = run.cursor["todo"][0]
    run.count("staff_done", end - start)
    run.cursor = _chunk(run.cursor["todo"][1:])


def _chunk(todo: list[list[int]], restarts: int = 0) -> dict[str, Any]:
    return {"todo": todo, "cursor": "", "rows": 0, "restarts": restarts}


def _skip(run: Run, userids: list[str]) -> None:
    """Members whose contacts the platform does not tell: counted, and the first ones named."""
    known = run.counts.get("skipped", [])
    new = [userid for userid in dict.fromkeys(userids) if userid not in known]
    if new:
        run.counts["skipped"] = (known + new)[:MOST_NAMED]


def _unlicensed(answer: dict[str, Any]) -> list[str]:
    failed = answer.get("fail_info")
    userids = failed.get("unlicensed_userid_list") if isinstance(failed, dict) else None
    return [str(one) for one in userids] if isinstance(userids, list) else []
