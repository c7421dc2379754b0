"""The core inside a Flask application; the doors and pages join it in wsgi.py."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from apiflask import APIFlask
from flask import current_app
from flask_migrate import Migrate
from redis import Redis

from config import Settings
from wxtag.database import engine_options, prepare
from wxtag.models import db
from wxtag.sealing import Sealer

ROOT = Path(__file__).resolve().parent.parent
EXTENSION = "wxtag"


@dataclass
class Core:
    """What every step needs, once a process."""

    settings: Settings

    @cached_property
    def sealer(self) -> Sealer:
        return Sealer(self.settings.secret_key)

    @cached_property
    def redis(self) -> "Redis":
        """Connects when it is first used; the doors never use it."""
        return Redis.from_url(self.settings.redis_url, socket_timeout=10, socket_connect_timeout=3)


def create_core(settings: Settings) -> APIFlask:
    """A Flask application with the core in it and no address."""
    app = APIFlask(
        "wxtag",
        title="wxtag",
        version="1",
        spec_path="/api/openapi.json",
        docs_path=None,
        static_folder=str(ROOT / "wxtag" / "web" / "static"),
        template_folder=str(ROOT / "wxtag" / "web" / "templates"),
    )
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings),
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
    )
    core = Core(settings)
    app.extensions[EXTENSION] = core
    app.config["SECRET_KEY"] = core.sealer.signing_key
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=settings.sqlite, compare_type=True)
    with app.app_context():
        prepare(db.engine)
    return app


def core() -> Core:
    """The core of the application that is running."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Core)
    return found
