"""Says what must be worked on: customers to compute, relations to push, libraries to read. Rows, not jobs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.events.decoded import Question
from wxtag.models import Account, FollowUser, Identity, Lookup, Push, Touched

LIBRARY = "library"
PROOF = "proof"
"""The kind of a question that only makes sure of a push; it is asked after all others."""


def touch(session: Session, company_id: int, customer_ids: Iterable[int]) -> None:
    """The tags of these customers must be computed and pushed again."""
    now = clock.now()
    rows.add_all(
        session,
        Touched,
        [{"company_id": company_id, "customer_id": one, "at": now} for one in sorted(set(customer_ids))],
    )


def want_push(
    session: Session, company_id: int, customer_ids: Iterable[int], since: Mapping[int, int] | None = None
) -> int:
    """The relations of these customers may need a push; returns how many there are.

    `since`: customer -> when the cause came (ms); the older is pushed first.
    """
    relations = (
        select(FollowUser.id, Identity.customer_id)
        .join(Identity, Identity.id == FollowUser.identity_id)
        .where(FollowUser.company_id == company_id, Identity.customer_id.in_(set(customer_ids)))
    )
    found = {one: customer_id for one, customer_id in session.execute(relations)}  # noqa: C416
    ages = (
        {one: since[customer_id] for one, customer_id in found.items() if customer_id in since}
        if since
        else {}
    )
    want_push_of(session, found, ages)
    return len(found)


def want_push_of(
    session: Session, follow_user_ids: Iterable[int], since: Mapping[int, int] | None = None
) -> None:
    """These relations may need a push. One that waits goes on waiting: for its turn, or for a reason."""
    now = clock.now()
    for ids in rows.chunks(follow_user_ids):
        # First of all, and not after asking who waits: a push that ends meanwhile would not see it.
        session.execute(
            update(Push)
            .where(Push.follow_user_id.in_(ids), Push.state != "off")
            .values(version=Push.version + 1)
        )
        idle = session.scalars(
            select(Push.follow_user_id).where(
                Push.follow_user_id.in_(ids), Push.state.in_(("done", "failed"))
            )
        ).all()
        ages = {one: min(now, (since or {}).get(one, now)) for one in idle}
        session.execute(
            update(Push)
            .where(Push.follow_user_id.in_(idle))
            .values(state="waiting", tries=0, error=None, next_try_at=now, changed_at=now)
        )
        if since:
            rows.set_each(session, Push.next_try_at, ages)
            rows.set_each(session, Push.changed_at, ages)


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
    rows.save(session)


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


def ask_proofs(session: Session, company_id: int, contacts: Mapping[tuple[str, str], int]) -> None:
    """These contacts, (corp, external_userid), are read again after so many ms."""
    if not contacts:
        return
    bound = session.execute(
        select(Account.key, func.min(Account.id))
        .where(Account.company_id == company_id, Account.kind == "wecom")
        .group_by(Account.key)
    )
    accounts = {corpid: account_id for corpid, account_id in bound}  # noqa: C416
    asked = [
        Question(accounts[corpid], PROOF, external_userid, delay_ms)
        for (corpid, external_userid), delay_ms in contacts.items()
        if corpid in accounts
    ]
    ask_all(session, company_id, asked)
