"""The end of an import: who was believed to be there and was not met is asked about, never just ended."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import touch
from wxtag.database import writing
from wxtag.events.decoded import Question
from wxtag.follow_users import LIVE
from wxtag.importing.keeping import Names, done_of, unfinished
from wxtag.importing.run import CORP, DONE, Run
from wxtag.models import FollowUser, Identity

BATCH = 500


def settle(run: Run) -> bool:
    """One batch; False while messages of the import still wait to be worked off."""
    names = Names(run)
    with writing() as session:
        if unfinished(session, run):
            return False
        rows = _believed(session, run, int(run.cursor.get("after", 0)))
        called = {names.of(*who): subject for _, who, subject in rows if _in_range(run, who)}
        met = done_of(session, called)
        missing = dict.fromkeys(subject for name, subject in called.items() if name not in met)
        kind = "contact" if run.kind == CORP else "user_info"
        for subject in missing:
            touch.ask(session, run.account.company_id, Question(run.account.id, kind, subject))
    run.count("asked", len(missing))
    if rows:
        run.cursor = {"after": rows[-1][0]}
    else:
        run.cursor, run.plan, run.stage = {}, [], DONE
    return True


def _in_range(run: Run, who: tuple[str, ...]) -> bool:
    """A relation of a member whom the app does not see is not missing: nobody could have told of it."""
    return run.kind != CORP or who[0] in run.userids


def _believed(session: Session, run: Run, after: int) -> list[tuple[int, tuple[str, ...], str]]:
    """(row's id, whom its message would be named after, the subject of a question), in order of ids.

    Only who was there when the import began: later ones need not have been met.
    """
    if run.kind == CORP:
        relations = session.scalars(
            select(FollowUser)
            .where(
                FollowUser.company_id == run.account.company_id,
                FollowUser.corpid == run.account.key,
                FollowUser.status.in_(LIVE),
                FollowUser.id > after,
                FollowUser.added_at < run.started_at,
            )
            .order_by(FollowUser.id)
            .limit(BATCH)
        )
        return [(row.id, (row.userid, row.external_userid, ""), row.external_userid) for row in relations]
    fans = session.scalars(
        select(Identity)
        .where(
            Identity.company_id == run.account.company_id,
            Identity.kind == "openid",
            Identity.scope == run.account.key,
            Identity.active.is_(True),
            Identity.id > after,
            Identity.created_at < run.started_at,
        )
        .order_by(Identity.id)
        .limit(BATCH)
    )
    return [(row.id, (row.value,), row.value) for row in fans]
