"""`recompute` and `replay`: work that is done again because somebody says so."""

import sys

import click

from wxtag import bell, clock, companies, inbox, nightly
from wxtag.app import core
from wxtag.commands.shared import COMPANY, clean
from wxtag.database import reading, writing
from wxtag.errors import InputError


@click.command("recompute")
@click.option("--at", "at", metavar="ISO-TIME", help="As of this moment instead of now.")
@COMPANY
@clean
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
@clean
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
