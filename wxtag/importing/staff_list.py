"""A corp's staff and departments as the app sees them: read from the platform, taken into our tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wxtag import clock, staff
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.errors import PlatformError
from wxtag.models import Department
from wxtag.platforms import WeCom

LEFT = 5
"""user/get's status of a member who has left."""
HOUR = 2
"""Of the daily poll: before the night's work, which then knows the staff as it is."""
MOST_SINGLY = 200
"""Members that no department told of are asked for one by one, at most so many a time."""

Call = Callable[..., Any]


@dataclass
class Listed:
    """Who is there now. Without any department in the app's range there may be members without a name."""

    follow_users: list[str]
    """Members who may have customers, spelled as the platform does."""
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the platform tells of members, by folded userid; also of those who have no customers."""
    departments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def present(self) -> set[str]:
        """Folded userids of everyone who is certainly there."""
        return {userid.lower() for userid in self.follow_users} | set(self.members)

    def name(self, userid: str) -> str:
        return str(self.members.get(userid.lower(), {}).get("name") or "")


def next_poll(moment: int) -> int:
    """The next 02:00 after a moment, in the configured zone."""
    zone = core().settings.zone
    day = clock.local_day(moment, zone)
    at = clock.day_start(day, zone) + HOUR * 3_600_000
    return at if at > moment else clock.day_start(day + timedelta(days=1), zone) + HOUR * 3_600_000


def read(call: Call, wecom: WeCom) -> Listed:
    """Asks for all of it. Raises PlatformError when the list of members with customers cannot be had."""
    listed = Listed(list(dict.fromkeys(call(wecom.follow_users))))
    listed.departments = [one for one in _told(call, wecom.departments) or [] if _number(one) is not None]
    for department in listed.departments:
        for member in _told(call, wecom.users_of, _number(department)) or []:
            _add(listed, member)
    nameless = [userid for userid in listed.follow_users if userid.lower() not in listed.members]
    for userid in nameless[:MOST_SINGLY]:
        _add(listed, _told(call, wecom.user, userid))
    return listed


def take_in(session: Session, account: BoundAccount, listed: Listed) -> None:
    """Everyone who is there is in our table, and so are the departments."""
    shown = {str(one["userid"]).lower(): str(one["userid"]) for one in listed.members.values()}
    shown |= {userid.lower(): userid for userid in listed.follow_users}
    for folded, userid in sorted(shown.items()):
        member = listed.members.get(folded, {})
        numbers = member.get("department")
        staff.joined(
            session,
            account.company_id,
            account.key,
            userid,
            name=str(member["name"]) if member.get("name") else None,
            departments=[one for one in numbers if isinstance(one, int)]
            if isinstance(numbers, list)
            else None,
        )
    _take_in_departments(session, account, listed.departments)


def _take_in_departments(session: Session, account: BoundAccount, departments: list[dict[str, Any]]) -> None:
    """An empty list says nothing: an app whose range is single members sees no department."""
    if not departments:
        return
    mine = (Department.company_id == account.company_id, Department.corpid == account.key)
    known = {row.number: row for row in session.scalars(select(Department).where(*mine))}
    for one in departments:
        number = _number(one)
        assert number is not None
        row = known.get(number)
        if row is None:
            row = Department(company_id=account.company_id, corpid=account.key, number=number, name="")
            session.add(row)
            known[number] = row
        row.parent = one["parentid"] if isinstance(one.get("parentid"), int) else 0
        row.name = str(one.get("name") or row.name)[:190]
    session.flush()
    told = [_number(one) for one in departments]
    session.execute(delete(Department).where(*mine, Department.number.not_in(told)))


def _told(call: Call, ask: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or nothing where the app may not ask this: it is worth having, and not needed."""
    try:
        return call(ask, *arguments)
    except PlatformError as error:
        if not error.permanent:
            raise
        return None


def _add(listed: Listed, member: Any) -> None:
    userid = member.get("userid") if isinstance(member, dict) else None
    if isinstance(userid, str) and userid and member.get("status") != LEFT:
        listed.members[userid.lower()] = member


def _number(department: Any) -> int | None:
    number = department.get("id") if isinstance(department, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None
