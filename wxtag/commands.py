"""The commands of `flask --app wsgi …`: thin, each a door to one act of the core."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from apiflask import APIFlask
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from wxtag import (
    apikeys,
    bell,
    bindings,
    clock,
    companies,
    inbox,
    library,
    nightly,
    setup_links,
    snapshot,
    touch,
)
from wxtag.app import core
from wxtag.database import reading, writing
from wxtag.errors import InputError, NotFound, WxtagError
from wxtag.models import Account, Company
from wxtag.platforms.check import check

COMPANY = click.option("--company", "company_name", metavar="NAME", help="Which company is meant.")


def register(app: APIFlask) -> None:
    """Adds the commands to the application."""
    for command in (_account(), _library(), _api_key(), admin_link, recompute, replay):
        app.cli.add_command(command)


def _clean(act: Callable[..., None]) -> Callable[..., None]:
    """Our errors as a sentence and exit code 1, never as a traceback."""

    @wraps(act)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            act(*args, **options)
        except InputError as error:
            for fault in error.faults:
                click.echo(f"  {fault}", err=True)
            raise click.ClickException(str(error)) from error
        except WxtagError as error:
            raise click.ClickException(str(error)) from error
        except (OperationalError, ProgrammingError) as error:
            reason = str(error.orig).splitlines()[0]
            raise click.ClickException(
                f"the database does not answer as it should ({reason}); is it up, and was "
                "`flask --app wsgi db upgrade` run?"
            ) from error

    return wrapped


def _account() -> AppGroup:
    group = AppGroup("account", help="Bind and check accounts.")

    @group.command("bind")
    @click.argument("file")
    @COMPANY
    @_clean
    def bind(file: str, company_name: str | None) -> None:
        """Bind the account that the JSON document FILE (`-`: stdin) describes; again: update it."""
        document = _document(file)
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
    @_clean
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
    @_clean
    def list_accounts(company_name: str | None) -> None:
        """List the accounts: id, kind, appid, state, and what is wrong."""
        with reading() as session:
            company = companies.company_named(session, company_name)
            for row in session.scalars(
                select(Account).where(Account.company_id == company.id).order_by(Account.id)
            ):
                trouble = f": {row.trouble}" if row.trouble else ""
                click.echo(f"{row.id}\t{row.kind}\t{row.appid}\t{row.status}{trouble}")

    return group


def _library() -> AppGroup:
    group = AppGroup("library", help="The tag library: groups, tags, rules.")

    @group.command("load")
    @click.argument("file")
    @COMPANY
    @_clean
    def load(file: str, company_name: str | None) -> None:
        """Load the library in FILE (YAML or JSON, `-`: stdin); the same file again changes nothing."""
        text = _text(file)
        with writing() as session:
            company = companies.company_named(session, company_name)
            report = library.load(session, company, text, "command line")
            touch.want_library(session, company.id)
        for warning in report.warnings:
            click.echo(f"warning: {warning}", err=True)
        click.echo(
            f"{report.added} added, {report.changed} changed, {report.retired} retired, "
            f"{report.unchanged} unchanged"
        )
        click.echo("run `flask --app wsgi recompute` to give the tags now; otherwise at 03:00")
        bell.ring(core().redis, "push")

    @group.command("dump")
    @COMPANY
    @_clean
    def dump(company_name: str | None) -> None:
        """Print the library as YAML."""
        with reading() as session:
            company = companies.company_named(session, company_name)
            click.echo(library.dump(session, company), nl=False)

    @group.command("schema")
    def schema() -> None:
        """Print the JSON Schema of library files."""
        click.echo(json.dumps(library.schema(), ensure_ascii=False, indent=2))

    return group


def _api_key() -> AppGroup:
    group = AppGroup("api-key", help="Keys for /api/v1.")

    @group.command("create")
    @click.option("--role", type=click.Choice(["admin", "manager", "staff"]), required=True)
    @click.option("--staff", metavar="CORPID/USERID", help="Whose key it is, for the role staff.")
    @COMPANY
    @_clean
    def create(role: str, staff: str | None, company_name: str | None) -> None:
        """Make a key and print it, once."""
        with writing() as session:
            company = companies.company_named(session, company_name)
            click.echo(apikeys.make_key(session, company.id, role, staff))

    return group


@click.command("admin-link")
@COMPANY
@_clean
def admin_link(company_name: str | None) -> None:
    """Print a one-time link that makes an admin of the console; it can be used for 24 hours."""
    with writing() as session:
        company = companies.company_named(session, company_name)
        token = setup_links.make_setup_link(session, company.id)
    click.echo(f"{core().settings.public_url or 'http://127.0.0.1:8000'}/setup/{token}")


@click.command("recompute")
@click.option("--at", "at", metavar="ISO-TIME", help="As of this moment instead of now.")
@COMPANY
@_clean
def recompute(at: str | None, company_name: str | None) -> None:
    """Compute all rules for all customers, now."""
    try:
        moment = clock.parse_iso(at, core().settings.zone) if at else clock.now()
    except ValueError as error:
        raise InputError(f"--at is {at!r}: expected a time like 2026-01-31T03:00:00+08:00") from error
    with reading() as session:
        company_id = companies.company_named(session, company_name).id
    with click.progressbar(length=1, label="computing", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        computed = nightly.recompute(company_id, moment, f"by hand {moment}", progress)
    click.echo(f"{computed.given} given, {computed.taken} taken, {len(computed.changed)} customers changed")
    bell.ring(core().redis, "push")


@click.command("replay")
@click.option("--since", metavar="T", help="Only what was received from then on (ISO time).")
@click.option("--until", metavar="T", help="Only what was received until then.")
@click.option("--failed", is_flag=True, help="Only what failed.")
@COMPANY
@_clean
def replay(since: str | None, until: str | None, failed: bool, company_name: str | None) -> None:
    """Process kept callbacks again; no effect is doubled."""
    zone = core().settings.zone
    try:
        start = clock.parse_iso(since, zone) if since else None
        end = clock.parse_iso(until, zone) if until else None
    except ValueError as error:
        raise InputError(f"{error}; expected a time like 2026-01-31T09:00:00") from error
    with writing() as session:
        company = companies.company_named(session, company_name)
        count = inbox.replay(session, company.id, start, end, failed)
    bell.ring(core().redis, "drain")
    click.echo(f"{count} messages are processed again")


def _company_or_first(session: Session, name: str | None) -> Company:
    """The company meant; the first account of an installation makes its company."""
    if session.scalar(select(Company.id).limit(1)) is None:
        return companies.make_company(session, core().sealer, name or companies.DEFAULT_NAME)
    if name and session.scalar(select(Company.id).where(Company.name == name)) is None:
        return companies.make_company(session, core().sealer, name)
    return companies.company_named(session, name)


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error


def _document(file: str) -> dict[str, Any]:
    try:
        document = json.loads(_text(file))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{file} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"{file} holds {type(document).__name__}: expected one JSON object with a kind")
    return document
