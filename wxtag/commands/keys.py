"""The command that seals everything with the newest key of WXTAG_SECRET_KEY."""

import sys

import click
from flask.cli import AppGroup

from wxtag import snapshot
from wxtag.app import core
from wxtag.commands.shared import clean
from wxtag.database import reading
from wxtag.errors import WxtagError
from wxtag.resealing import reseal


def keys_group() -> AppGroup:
    group = AppGroup("keys", help="The keys that seal secrets and phones.")

    @group.command("reseal")
    @clean
    def reseal_all() -> None:
        """Seal everything with the newest key; what was done stays done when it is interrupted."""
        sealer = core().sealer
        with click.progressbar(length=1, label="sealing", file=sys.stderr) as bar:

            def progress(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            result = reseal(sealer, progress)
        with reading() as session:
            snapshot.refresh(session, core().settings, sealer)
        counts = ", ".join(f"{number} of {table}" for table, number in sorted(result.done.items()))
        click.echo(f"sealed anew: {counts or 'nothing, all was sealed with the newest key'}")
        for line in result.broken[:20]:
            click.echo(f"  {line}", err=True)
        if result.broken:
            raise WxtagError(
                f"{len(result.broken)} values cannot be opened: keep the older keys, add what is missing"
            )

    return group
