"""The commands of `flask --app wsgi …`: thin, each a door to one act of the core; one file a subject."""

from apiflask import APIFlask

from wxtag.commands.accounts import account_group
from wxtag.commands.entering import admin_link, api_key_group
from wxtag.commands.keys import keys_group
from wxtag.commands.library import library_group
from wxtag.commands.people import company_group, customer_group
from wxtag.commands.spool import spool_group
from wxtag.commands.working import recompute, replay


def register(app: APIFlask) -> None:
    """Adds the commands to the application."""
    for group in (
        account_group(),
        library_group(),
        api_key_group(),
        keys_group(),
        company_group(),
        customer_group(),
        spool_group(),
    ):
        app.cli.add_command(group)
    for command in (admin_link, recompute, replay):
        app.cli.add_command(command)
