"""`api-key …` and `admin-link`: who may enter."""

import click
from flask.cli import AppGroup

from wxtag import apikeys, companies, setup_links
from wxtag.app import core
from wxtag.commands.shared import COMPANY, clean
from wxtag.database import writing


def api_key_group() -> AppGroup:
    group = AppGroup("api-key", help="Keys for /api/v1.")

    @group.command("create")
    @click.option("--role", type=click.Choice(["admin", "manager", "staff"]), required=True)
    @click.option("--staff", metavar="CORPID/USERID", help="Whose key it is, for the role staff.")
    @COMPANY
    @clean
    def create(role: str, staff: str | None, company_name: str | None) -> None:
        """Make a key and print it, once."""
        with writing() as session:
            company = companies.company_named(session, company_name)
            click.echo(apikeys.make_key(session, company.id, role, staff))

    return group


@click.command("admin-link")
@COMPANY
@clean
def admin_link(company_name: str | None) -> None:
    """Print a one-time link that makes an admin of the console; it can be used for 24 hours."""
    with writing() as session:
        company = companies.company_named(session, company_name)
        token = setup_links.make_setup_link(session, company.id)
    click.echo(f"{core().settings.public_url or 'http://127.0.0.1:8000'}/setup/{token}")
