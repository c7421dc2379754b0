"""What commands share: the option for the company, errors as a sentence, the reading of files."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from wxtag.errors import InputError, WxtagError

COMPANY = click.option("--company", "company_name", metavar="NAME", help="Which company is meant.")


def clean(act: Callable[..., None]) -> Callable[..., None]:
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


def text_of(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error


def document_in(file: str) -> dict[str, Any]:
    try:
        document = json.loads(text_of(file))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{file} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"{file} holds {type(document).__name__}: expected one JSON object with a kind")
    return document
