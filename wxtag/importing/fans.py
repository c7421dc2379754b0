"""The import of an Official Account: the list of fans page by page, and who they are, a hundred a call."""

from typing import Any

from wxtag import clock
from wxtag.errors import PlatformError
from wxtag.importing.keeping import Names, keep, known_of
from wxtag.importing.run import Run
from wxtag.platforms import OfficialAccount

AT_ONCE = 100
MOST_RESTARTS = 3


def read_fans(run: Run, official: OfficialAccount) -> None:
    """One page of openids, or the next hundred of the page that was read."""
    at = int(run.cursor.get("at", 0))
    if at < len(run.plan):
        _read_people(run, official, run.plan[at : at + AT_ONCE])
        run.cursor = {**run.cursor, "at": at + AT_ONCE}
    elif run.cursor.get("last"):
        run.cursor, run.plan, run.stage = {}, [], "settle"
    else:
        _read_page(run, official)


def _read_page(run: Run, official: OfficialAccount) -> None:
    restarts = int(run.cursor.get("restarts", 0))
    following = str(run.cursor.get("next", ""))
    try:
        page = run.call(official.followers, following)
    except PlatformError as error:
        # The fan whom the cursor names may have left. From the start then: who was read is not asked again.
        if error.action != "give_up" or not following or restarts >= MOST_RESTARTS:
            raise
        run.plan, run.counts["people"] = [], 0
        run.cursor = {"next": "", "at": 0, "restarts": restarts + 1}
        return
    run.counts["total"] = page.total
    run.plan = page.openids
    run.cursor = {"next": page.following, "at": 0, "last": not page.following, "restarts": restarts}


def _read_people(run: Run, official: OfficialAccount, openids: list[str]) -> None:
    """A hundred at most, without those whose message came already."""
    names = Names(run)
    named = {names.of(openid): openid for openid in openids}
    known = known_of(named)
    wanted = [openid for name, openid in named.items() if name not in known]
    sent_at = clock.now()
    told = _told(run, official, wanted)
    kept: list[tuple[str, str, str, dict[str, Any]]] = []
    for openid in wanted:
        answer = told.get(openid)
        event = "fan" if answer is not None else "fan_gone"
        kept.append((names.of(openid), event, openid, answer or {}))
    keep(run, sent_at, kept)
    run.count("people", len(openids))


def _told(run: Run, official: OfficialAccount, openids: list[str]) -> dict[str, dict[str, Any]]:
    """What the platform tells, by openid. One that it refuses fails a whole call: halves find it."""
    if not openids:
        return {}
    try:
        rows = run.call(official.users_info, openids)
    except PlatformError as error:
        if error.action != "give_up":
            raise
        if len(openids) == 1:
            return {}
        middle = len(openids) // 2
        return _told(run, official, openids[:middle]) | _told(run, official, openids[middle:])
    return {str(row["openid"]): row for row in rows if isinstance(row, dict) and row.get("openid")}
