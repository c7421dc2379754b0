"""`spool …`: the spool of a web host that never comes back."""

from pathlib import Path

import click
from flask.cli import AppGroup

from wxtag import bell, host_spools, inbox
from wxtag.app import core
from wxtag.commands.shared import clean
from wxtag.database import writing


def spool_group() -> AppGroup:
    group = AppGroup("spool", help="The spool of a web host that never comes back.")

    @group.command("take-in")
    @click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
    @clean
    def take_in(folder: Path) -> None:
        """Take in the messages of FOLDER, a copy of another host's spool; twice does no harm."""
        found = host_spools.take_in(folder, inbox.accept)
        bell.ring(core().redis, "drain")
        click.echo(f"{found.messages} messages, {found.new} of them new")
        for path in found.kept_aside:
            click.echo(f"kept aside, look at it: {path}")
        if found.name:
            with writing() as session:
                host_spools.forget(session, found.name, missing_ok=True)

    @group.command("forget")
    @click.argument("name")
    @clean
    def forget(name: str) -> None:
        """Wait for the spool NAME no more: its host is gone for good, and its disk too."""
        with writing() as session:
            host_spools.forget(session, name)
        click.echo(f"{name} is not waited for any more")

    return group
