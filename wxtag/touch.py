"""Says what must be worked on: customers to compute, relations to push, libraries to read. Rows, not jobs."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.events.decoded import Question
from wxtag.models import Account, FollowUser, Identity, Lookup, Push, Touched

LIBRARY = "library"


def touch(session: Session, company_id: int, customer_ids: Iterable[int]) -> None:
    """The tags of these customers must be computed and pushed again."""
    now = clock.now()
    rows.add_all(
        session,
        Touched,
        [{"company_id": company_id, "customer_id": one, "at": now} for one in sorted(set(customer_ids))],
    )


def want_push(session: Session, company_id: int, customer_ids: Iterable[int]) -> int:
    """The relations of these customers may need a push; returns how many there are."""
    relations = (
        select(FollowUser.id)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .where(FollowUser.company_id == company_id, Identity.customer_id.in_(set(customer_ids)))
    )
    found = list(session.scalars(relations))
    want_push_of(session, found)
    return len(found)


def want_push_of(session: Session, follow_user_ids: Iterable[int]) -> None:
    """These relations may need a push. One whose waiting has a reason (back-off) goes on waiting."""
    now = clock.now()
    for ids in rows.chunks(follow_user_ids):
        session.execute(
            update(Push)
            .where(Push.follow_user_id.in_(ids), Push.state.in_(("done", "failed")))
            .values(state="waiting", tries=0, next_try_at=0, error=None)
        )
        session.execute(
            update(Push)
            .where(Push.follow_user_id.in_(ids), Push.state != "off")
            .values(version=Push.version + 1, changed_at=now)
        )


def ask(session: Session, company_id: int, question: Question, unless_within_ms: int = 0) -> None:
    """Keeps a question for the platform; see ask_all."""
    ask_all(session, company_id, [question], unless_within_ms)


def ask_all(
    session: Session, company_id: int, questions: Iterable[Question], unless_within_ms: int = 0
) -> None:
    """Keeps questions for the platforms; one that waits already is asked anew.

    `unless_within_ms`: not when it was asked so recently, because that answer is on its way.
    """
    now = clock.now()
    subjects: dict[tuple[int, str], dict[str, Question]] = defaultdict(dict)
    for one in questions:
        subjects[one.account_id, one.kind][one.subject] = one
    for (account_id, kind), asked in subjects.items():
        there = rows.having(
            session,
            Lookup,
            Lookup.subject,
            asked,
            Lookup.company_id == company_id,
            Lookup.account_id == account_id,
            Lookup.kind == kind,
        )
        for row in there:
            question = asked.pop(row.subject)
            if row.asked_at > now - unless_within_ms:
                continue
            if row.state != "waiting":
                row.tries, row.next_try_at, row.error = 0, now + question.delay_ms, None
            row.state, row.asked_at, row.version = "waiting", now, row.version + 1
        new = [
            {
                "company_id": company_id,
                "account_id": account_id,
                "kind": kind,
                "subject": subject,
                "asked_at": now,
                "next_try_at": now + question.delay_ms,
            }
            for subject, question in asked.items()
        ]
        rows.add_all(session, Lookup, new)
    session.flush()


def want_library(session: Session, company_id: int) -> None:
    """The libraries of this company's corps must be compared with ours."""
    accounts = session.scalars(
        select(Account).where(Account.company_id == company_id, Account.kind == "wecom").order_by(Account.id)
    )
    asked: set[str] = set()
    for account in accounts:
        if account.key not in asked:
            asked.add(account.key)
            ask(session, company_id, Question(account.id, LIBRARY, account.key))
