"""`account migrate`: the people of an Official Account that became another one."""

import sys

import click

from wxtag import bell, companies
from wxtag.app import core
from wxtag.commands.shared import clean
from wxtag.database import reading
from wxtag.errors import InputError, NotFound
from wxtag.migrating import Migrated, migrate
from wxtag.models import Account
from wxtag.platforms import client
from wxtag.platforms.wechat import OfficialAccount


@click.command("migrate")
@click.argument("old_appid", metavar="OLD")
@click.argument("account_id", type=int, metavar="NEW")
@clean
def migrate_account(old_appid: str, account_id: int) -> None:
    """Take the fans of the appid OLD over to the account NEW (its ID), into which it was migrated.

    Run it from the approval until 15 days after the migration; again, it goes on where it ended.
    """
    with reading() as session:
        row = session.get(Account, account_id)
        if row is None:
            raise NotFound(f"there is no account {account_id}: see `account list`")
        if row.key == old_appid:
            raise InputError("OLD and NEW are the same account")
        account = companies.opened(row, core().sealer)
    platform = client(account)
    if not isinstance(platform, OfficialAccount):
        raise InputError(f"account {account_id} is a {account.kind}: only Official Accounts are migrated")
    with click.progressbar(length=1, label="migrating", file=sys.stderr) as bar:

        def progress(done: Migrated) -> None:
            bar.length = max(done.total, 1)
            bar.update(done.known + done.changed + done.refused - bar.pos)

        done = migrate(account, platform, old_appid, progress)
    bell.ring(core().redis, "drain")
    click.echo(
        f"{done.total} openids of {old_appid}: {done.changed} changed, {done.known} changed before, "
        f"{done.refused} not (no longer fans of it)"
    )
