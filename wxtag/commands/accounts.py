"""`account …`: bind accounts, test the bindings, list them, import from them."""

import json
import sys

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import bell, bindings, clock, companies, snapshot, touch
from wxtag.app import core
from wxtag.commands.importing import import_account
from wxtag.commands.migrating import migrate_account
from wxtag.commands.shared import COMPANY, clean, document_in
from wxtag.database import reading, writing
from wxtag.errors import NotFound
from wxtag.models import Account, Company
from wxtag.platforms.check import check


def account_group() -> AppGroup:
    group = AppGroup("account", help="Bind, check and import accounts.")

    @group.command("bind")
    @click.argument("file")
    @COMPANY
    @clean
    def bind(file: str, company_name: str | None) -> None:
        """Bind the account that the JSON document FILE (`-`: stdin) describes; again: update it."""
        document = document_in(file)
        sealer = core().sealer
        with writing() as session:
            company = _company_or_first(session, company_name)
            account = companies.bind(session, sealer, company, document)
            bound = companies.opened(account, sealer)
            touch.want_library(session, company.id)
        with reading() as session:
            snapshot.write(core().settings, sealer, companies.all_opened(session, sealer))
        click.echo(json.dumps({"id": bound.id, "callback_path": bound.callback_path}))

    @group.command("check")
    @click.argument("account_id", type=int, metavar="ID")
    @clean
    def check_account(account_id: int) -> None:
        """Test a binding: one line each, ok or what to do. Exit code 1 when something is not ok."""
        with reading() as session:
            account = session.get(Account, account_id)
            if account is None:
                known = ", ".join(f"{a.id} ({a.kind} {a.appid})" for a in session.scalars(select(Account)))
                raise NotFound(f"there is no account {account_id} (known: {known or 'none'})")
            bound, last = companies.opened(account, core().sealer), account.last_callback_at
        lines = check(bound, last)
        for line in lines:
            click.echo(f"{'ok  ' if line.ok else 'FAIL'} {line.name}: {line.text}")
        with writing() as session:
            row = session.get(Account, account_id)
            assert row is not None
            row.checked = {
                "at": clock.now(),
                "lines": [{"name": line.name, "ok": line.ok, "text": line.text} for line in lines],
            }
            works = all(line.ok for line in lines if line.name in ("凭证", "可信IP"))
            if works:
                bindings.try_again(session, bound)
        if works:
            bell.ring(core().redis, "lookup")
            bell.ring(core().redis, "push")
        if not all(line.ok for line in lines):
            sys.exit(1)

    @group.command("list")
    @COMPANY
    @clean
    def list_accounts(company_name: str | None) -> None:
        """List the accounts: id, kind, appid, state, and what is wrong."""
        with reading() as session:
            company = companies.company_named(session, company_name)
            for row in session.scalars(
                select(Account).where(Account.company_id == company.id).order_by(Account.id)
            ):
                trouble = f": {row.trouble}" if row.trouble else ""
                click.echo(f"{row.id}\t{row.kind}\t{row.appid}\t{row.status}{trouble}")

    group.add_command(import_account)
    group.add_command(migrate_account)
    return group


def _company_or_first(session: Session, name: str | None) -> Company:
    """The company meant; the first account of an installation makes its company."""
    if session.scalar(select(Company.id).limit(1)) is None:
        return companies.make_company(session, core().sealer, name or companies.DEFAULT_NAME)
    if name and session.scalar(select(Company.id).where(Company.name == name)) is None:
        return companies.make_company(session, core().sealer, name)
    return companies.company_named(session, name)
