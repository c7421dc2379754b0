"""One import as it stands: its row as plain values, saved after each step and never in the middle of one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.companies import opened
from wxtag.database import reading, writing
from wxtag.errors import InputError, NotFound
from wxtag.importing.pace import Pace
from wxtag.models import Account, Import
from wxtag.platforms.codes import PLATFORM_ZONE

RUNNING, PAUSED, WAITING, DONE = "running", "paused", "waiting", "done"
CORP, FANS, STAFF = "corp", "fans", "staff"
FIRST_STAGE = {CORP: "staff", FANS: "fans"}
KINDS = {"wecom": CORP, "official_account": FANS}
Answer = TypeVar("Answer")


@dataclass
class Run:
    """How far an import has come. Whoever changes it holds the account's lease."""

    id: int
    account: BoundAccount
    kind: str
    state: str
    stage: str
    started_at: int
    cursor: dict[str, Any] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    tries: int = 0
    resume_at: int = 0
    error: str | None = None
    finished_at: int | None = None
    pace: Pace = field(default_factory=Pace, repr=False, compare=False)

    def call(self, ask: Callable[..., Answer], *arguments: Any) -> Answer:
        """One call to the platform, at a gentle rate and counted, also when it fails."""
        self.pace.wait()
        day = clock.local_day(clock.now(), PLATFORM_ZONE).isoformat()
        if self.counts.get("day") != day:
            self.counts["day"], self.counts["calls_today"] = day, 0
        self.counts["calls_today"] += 1
        self.counts["calls"] = self.counts.get("calls", 0) + 1
        return ask(*arguments)

    @cached_property
    def userids(self) -> set[str]:
        """Of a corp's import: the members whose contacts are read, folded."""
        return {userid.lower() for userid in self.plan}

    def count(self, name: str, more: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + more


def account_of(account_id: int) -> BoundAccount:
    """The account, if there is something to import from it. Raises NotFound, InputError."""
    with reading() as session:
        row = session.get(Account, account_id)
        if row is None:
            known = ", ".join(f"{a.id} ({a.kind} {a.appid})" for a in session.scalars(select(Account)))
            raise NotFound(f"there is no account {account_id} (known: {known or 'none'})")
        account = opened(row, core().sealer)
    if account.kind not in KINDS:
        raise InputError(
            f"account {account_id} is a {account.kind}: it has no list of people to import; they become "
            "known as they log in. An import is for a wecom or official_account"
        )
    return account


def newest(session: Session, account: BoundAccount, kind: str) -> Run | None:
    """The import of that kind that was begun last."""
    row = session.scalars(
        select(Import)
        .where(Import.account_id == account.id, Import.kind == kind)
        .order_by(Import.id.desc())
        .limit(1)
    ).first()
    return None if row is None else _run(row, account)


def load(import_id: int) -> Run:
    with reading() as session:
        row = session.get(Import, import_id)
        assert row is not None, import_id
        account = session.get(Account, row.account_id)
        assert account is not None
        return _run(row, opened(account, core().sealer))


def begin(session: Session, account: BoundAccount, kind: str, stage: str, state: str = RUNNING) -> Run:
    """A new import from the start; an older one of the account stays as it was left."""
    now = clock.now()
    row = Import(
        company_id=account.company_id,
        account_id=account.id,
        kind=kind,
        state=state,
        stage=stage,
        cursor={},
        plan=[],
        counts={},
        started_at=now,
        changed_at=now,
    )
    session.add(row)
    session.flush()
    return _run(row, account)


def save(run: Run) -> None:
    """What the last step changed. What it read is in the inbox already."""
    with writing() as session:
        save_in(session, run)


def save_in(session: Session, run: Run) -> None:
    row = session.get(Import, run.id)
    assert row is not None
    row.state, row.stage, row.tries, row.resume_at = run.state, run.stage, run.tries, run.resume_at
    row.cursor, row.counts = dict(run.cursor), dict(run.counts)
    if row.plan != run.plan:
        row.plan = list(run.plan)
    row.error, row.finished_at, row.changed_at = run.error, run.finished_at, clock.now()


def set_state(run: Run, state: str, error: str | None = None, resume_at: int = 0) -> None:
    """Only what it does next: a step that was broken off leaves the cursor where it was."""
    run.state, run.error, run.resume_at = state, error, resume_at
    with writing() as session:
        session.execute(
            update(Import)
            .where(Import.id == run.id)
            .values(
                state=state,
                error=error,
                resume_at=resume_at,
                tries=run.tries,
                counts=dict(run.counts),
                changed_at=clock.now(),
            )
        )


def due(session: Session, now: int) -> list[int]:
    """Imports that wait and may go on now."""
    return list(
        session.scalars(
            select(Import.id)
            .where(Import.state == WAITING, Import.resume_at <= now, Import.kind != STAFF)
            .order_by(Import.resume_at)
        )
    )


def _run(row: Import, account: BoundAccount) -> Run:
    return Run(
        id=row.id,
        account=account,
        kind=row.kind,
        state=row.state,
        stage=row.stage,
        started_at=row.started_at,
        cursor=dict(row.cursor),
        plan=list(row.plan or []),
        counts=dict(row.counts),
        tries=row.tries,
        resume_at=row.resume_at,
        error=row.error,
        finished_at=row.finished_at,
    )
