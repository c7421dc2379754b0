"""`account import`: everything that the platform can tell of an account, at once."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from wxtag import claims, clock
from wxtag.commands.shared import clean
from wxtag.database import reading, writing
from wxtag.errors import Unavailable
from wxtag.importing import run as imports
from wxtag.importing.keeping import waiting
from wxtag.importing.telling import Progress, ended, status
from wxtag.importing.work import hold, lease_name, work
from wxtag.models import Lease

INTERRUPTED = 130
PUT_OFF = 3
log = logging.getLogger(__name__)


@click.command("import")
@click.argument("account_id", type=int, metavar="ID")
@click.option("--again", is_flag=True, help="From the start, although an import is done or under way.")
@click.option("--status", "only_status", is_flag=True, help="Only say how far it is.")
@clean
def import_account(account_id: int, again: bool, only_status: bool) -> None:
    """Import the staff, customers and tags of a corp, or the fans of an Official Account.

    Ctrl-C pauses; the same command goes on. Exit code 3: it goes on by itself later.
    """
    account = imports.account_of(account_id)
    kind = imports.KINDS[account.kind]
    if only_status:
        with reading() as session:
            last, behind = imports.newest(session, account, kind), waiting(session, account.company_id)
        click.echo(status(last, _holder(account_id), behind))
        return
    with _alive(), hold(account_id) as held:
        if held is None:
            raise Unavailable(
                f"account {account_id} is being imported already, by {_holder(account_id)}: wait for it, or "
                "see `--status`"
            )
        with writing() as session:
            run = imports.newest(session, account, kind)
            if run is None or again:
                run = imports.begin(session, account, kind, imports.FIRST_STAGE[kind])
        if run.state == imports.DONE:
            click.echo(f"{ended(run)}\nIt was imported already; `--again` reads everything anew")
            return
        run.tries = 0
        imports.set_state(run, imports.RUNNING)
        progress = Progress(run)
        try:
            work(run, held, progress.tell)
        except KeyboardInterrupt:
            imports.set_state(run, imports.PAUSED)
        finally:
            progress.end()
        if run.state == imports.PAUSED and run.error is None:
            click.echo(ended(run))
            sys.exit(INTERRUPTED)
        click.echo(ended(run))
        if run.state != imports.DONE:
            sys.exit(PUT_OFF if run.state == imports.WAITING else 1)


@contextmanager
def _alive() -> Iterator[None]:
    """Shows that this process lives, so that the right to import is free at once when it is killed."""
    app, stopped, watch = current_app._get_current_object(), threading.Event(), claims.Watch()  # type: ignore[attr-defined]
    watch.beat()

    def beat() -> None:
        while not stopped.wait(1.0):
            with app.app_context():
                try:
                    watch.beat()
                except SQLAlchemyError as error:
                    log.warning("no sign of life (%s)", type(error).__name__)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(5)
        claims.leave()


def _holder(account_id: int) -> str | None:
    """Who imports from this account now: machine and process."""
    with reading() as session:
        return session.scalar(
            select(Lease.holder).where(Lease.name == lease_name(account_id), Lease.until > clock.now())
        )
