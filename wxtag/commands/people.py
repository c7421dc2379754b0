"""`company policy` and `customer erase`: what is kept of people, and for how long."""

import json

import click

from wxtag import bell, companies
from wxtag.app import core
from wxtag.commands.shared import COMPANY, clean
from wxtag.database import writing
from wxtag.identity import current
from wxtag.privacy import policies
from wxtag.privacy.erasing import erase_customer
from wxtag.resolve import one_at_a_time


def company_group() -> click.Group:
    """The commands about a company."""

    @click.group("company")
    def group() -> None:
        """A company's own decisions."""

    @group.command("policy")
    @click.option(
        "--unsubscribed",
        metavar="keep|anonymise",
        help="Those who unfollow an Official Account: keep them, or erase that openid after some days.",
    )
    @click.option("--days", type=int, metavar="N", help="After how many days (with anonymise).")
    @COMPANY
    @clean
    def policy(unsubscribed: str | None, days: int | None, company_name: str | None) -> None:
        """Show what is decided about people's data; with options, decide."""
        with writing() as session:
            company = companies.company_named(session, company_name)
            if unsubscribed is not None:
                policies.set_unsubscribed(session, company, unsubscribed, days)
                session.refresh(company)
            act, after = policies.unsubscribed(company)
        decided = {"do": act, "days": after} if act == policies.ANONYMISE else {"do": act}
        click.echo(json.dumps({"unsubscribed": decided}))

    return group


def customer_group() -> click.Group:
    """The commands about customers."""

    @click.group("customer")
    def group() -> None:
        """Customers."""

    @group.command("erase")
    @click.argument("customer_id", type=int, metavar="ID")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @COMPANY
    @clean
    def erase(customer_id: int, yes: bool, company_name: str | None) -> None:
        """Erase everything that is known of a customer. Cannot be undone."""
        if not yes:
            click.confirm(f"Erase all that is known of customer {customer_id}, for good?", abort=True)
        with writing() as session:
            company = one_at_a_time(session, companies.company_named(session, company_name).id)
            left = erase_customer(session, company, current(session, company.id, customer_id), "command")
            friends = [(one.shown, one.corpid) for one in left]
        click.echo(f"customer {customer_id} was erased")
        for shown, corpid in friends:
            click.echo(
                f"still a WeCom contact of {shown} ({corpid}): ask them to delete it in their client, "
                "or WeCom will tell of it again"
            )
        bell.ring(core().redis, "compute")

    return group
