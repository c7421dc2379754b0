"""The web app put together. Run directly (`python wsgi.py`): the whole embedded edition."""

import click
from apiflask import APIFlask
from flask.cli import ScriptInfo

from config import Settings, SettingsError, load, logging
from wxtag.app import create_core


def create_app(settings: Settings | None = None) -> APIFlask:
    """The doors, the API, the pages and the commands around one core."""
    from callbacks import doors
    from wxtag import commands
    from wxtag.web import pages

    # granian's own command line is a click context too, and its processes inherit it.
    context = click.get_current_context(silent=True)
    served = settings is None and (context is None or context.find_object(ScriptInfo) is None)
    try:
        settings = settings or load()
    except SettingsError as error:
        raise SystemExit(f"wxtag: {error}") from error
    if served:
        logging.setup(settings, "web")  # a command on the command line speaks for itself
    app = create_core(settings)
    doors.register(app)
    pages.register(app)
    commands.register(app)
    if served:
        app.extensions[doors.MOVER].ensure_started()  # what an earlier process left waits for no request
    return app


if __name__ == "__main__":
    from config.embedded import main

    raise SystemExit(main())
