"""Puts the doors of all platforms, and the mover behind them, into the web application."""

from apiflask import APIFlask

from callbacks import mini_program, official_account, wecom
from callbacks.gate import Gate
from wxtag.app import core
from wxtag.mover import Mover, Records

MOVER = "wxtag_mover"
"""Where the application's mover is among its extensions."""
MOVE = "WXTAG_MOVE"
"""A configuration value of the application: False leaves the spool alone (tests call move_once)."""


def register(app: APIFlask) -> None:
    """Adds /callbacks/…. The first request of each web process starts its mover; a command never does."""
    with app.app_context():
        gate = Gate(core())
    for platform in (official_account, mini_program, wecom):
        app.register_blueprint(platform.door(gate))
    mover = Mover(app, _accept)
    app.extensions[MOVER] = mover

    @app.before_request
    def start_mover() -> None:
        if app.config.get(MOVE, True):
            mover.ensure_started()


def _accept(records: Records) -> int:
    from wxtag import inbox

    return inbox.accept(records)
