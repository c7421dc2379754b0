"""The web app put together. Run directly (`python wsgi.py`): the whole embedded edition."""

from apiflask import APIFlask

from config import Settings, SettingsError, load
from wxtag.app import create_core


def create_app(settings: Settings | None = None) -> APIFlask:
    """The doors, the API, the pages and the commands around one core."""
    from callbacks import doors
    from wxtag import commands
    from wxtag.web import pages

    try:
        app = create_core(settings or load())
    except SettingsError as error:
        raise SystemExit(f"wxtag: {error}") from error
    doors.register(app)
    pages.register(app)
    commands.register(app)
    return app


if __name__ == "__main__":
    from config.embedded import main

    raise SystemExit(main())
