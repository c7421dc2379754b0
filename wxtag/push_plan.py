"""Which relations are due for a push, oldest first, and what has to be sent to each."""

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, intents, touch
from wxtag.accounts import BoundAccount
from wxtag.database import writing
from wxtag.events.decoded import Question
from wxtag.models import CorpTag, FollowUser, Lookup, Push, RelationTag
from wxtag.push_results import Sending
from wxtag.tags.effective import wanted

BATCH = 25
"""So many are planned at once: half a second of work, so that what is older comes first."""
SENDING_MS = 60_000
"""When its sender died without anybody noticing, a relation is due again after so long."""
UNREAD_MS = 60_000
"""How long a relation that was never read waits for its reading, which makes it due at once."""


def plan(account: BoundAccount) -> tuple[list[Sending], int]:
    """The oldest relations that are due: what to send, its intent written down before it is sent; and how
    many were looked at."""
    company_id, now, sendings = account.company_id, clock.now(), []
    with writing() as session:
        rows = session.execute(
            select(Push, FollowUser)
            .join(FollowUser, FollowUser.id == Push.follow_user_id)
            .where(
                Push.company_id == company_id,
                Push.corpid == account.key,
                Push.state == "waiting",
                Push.next_try_at <= now,
            )
            .order_by(Push.next_try_at, Push.follow_user_id)
            .limit(BATCH)
            .with_for_update(of=Push)
        ).all()
        read = [relation.id for _, relation in rows if relation.read_at is not None]
        want = wanted(session, company_id, read)
        library = _library(session, account, set().union(*want.values()))
        there: dict[int, dict[str, bool]] = defaultdict(dict)
        for tag in session.scalars(select(RelationTag).where(RelationTag.follow_user_id.in_(read))):
            there[tag.follow_user_id][tag.wecom_id] = tag.ours
        for push, relation in rows:
            if relation.read_at is None:
                # Before the first push it is read: what is there is theirs, and stays.
                _ask_unread(session, account, relation)
                push.next_try_at = now + UNREAD_MS
                continue
            want_ids = {library[tag_id] for tag_id in want[relation.id] if tag_id in library}
            one = _difference(push, relation, want_ids, there[relation.id])
            if one is None:
                push.state, push.done_at, push.error, push.tries = "done", now, None, 0
                continue
            push.intent = intents.begun(push.intent, one.add, one.remove, now)
            push.next_try_at = now + SENDING_MS
            sendings.append(one)
    return sendings, len(rows)


def _difference(
    push: Push, relation: FollowUser, want_ids: set[str], there: dict[str, bool]
) -> Sending | None:
    add = sorted(want_ids - set(there))
    remove = sorted(wecom_id for wecom_id, ours in there.items() if ours and wecom_id not in want_ids)
    if not add and not remove:
        return None
    return Sending(
        company_id=relation.company_id,
        corpid=relation.corpid,
        follow_user_id=relation.id,
        userid=relation.shown,
        external_userid=relation.external_userid,
        add=add,
        remove=remove,
        version=push.version,
        tries=push.tries,
        before=push.intent,
    )


def _ask_unread(session: Session, account: BoundAccount, relation: FollowUser) -> None:
    """Its reading was lost, or is on its way."""
    waits = select(Lookup.id).where(
        Lookup.company_id == account.company_id,
        Lookup.kind == "contact",
        Lookup.subject == relation.external_userid,
        Lookup.state == "waiting",
    )
    if session.scalar(waits.limit(1)) is None:
        question = Question(account.id, "contact", relation.external_userid)
        touch.ask(session, account.company_id, question, unless_within_ms=UNREAD_MS // 2)


def _library(session: Session, account: BoundAccount, tag_ids: set[int]) -> dict[int, str]:
    """Our tag -> its id in this corp."""
    rows = session.execute(
        select(CorpTag.tag_id, CorpTag.wecom_id)
        .where(
            CorpTag.company_id == account.company_id,
            CorpTag.corpid == account.key,
            CorpTag.deleted_at.is_(None),
            CorpTag.tag_id.in_(tag_ids),
        )
        .order_by(CorpTag.id.desc())
    )
    return {int(tag_id): wecom_id for tag_id, wecom_id in rows if tag_id is not None}
