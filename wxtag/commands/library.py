"""`library …`: the tag library of groups, tags and rules, loaded and dumped."""

import json

import click
from flask.cli import AppGroup

from wxtag import bell, companies, library, touch
from wxtag.app import core
from wxtag.commands.shared import COMPANY, clean, text_of
from wxtag.database import reading, writing


def library_group() -> AppGroup:
    group = AppGroup("library", help="The tag library: groups, tags, rules.")

    @group.command("load")
    @click.argument("file")
    @COMPANY
    @clean
    def load(file: str, company_name: str | None) -> None:
        """Load the library in FILE (YAML or JSON, `-`: stdin); the same file again changes nothing."""
        text = text_of(file)
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
    @clean
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
