"""Puts the sandbox together as a Flask app."""

from flask import Flask, Response, jsonify

from wxtag.sandbox.control import control
from wxtag.sandbox.control_faults import control_faults
from wxtag.sandbox.control_oracle import control_oracle
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.oauth_page import oauth_page
from wxtag.sandbox.pages import pages
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.wechat import wechat
from wxtag.sandbox.wecom import wecom


def create_sandbox(state_dir: str | None = None, product_url: str | None = None) -> Flask:
    """The platforms on one port; `state_dir` None keeps everything in memory only."""
    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["sandbox"] = Sandbox(str(state_dir) if state_dir else None, product_url)
    app.jinja_env.globals["t"] = TEXTS
    for part in (oauth_page, wechat, wecom, control, control_faults, control_oracle, pages):
        app.register_blueprint(part)

    @app.errorhandler(ActError)
    def refused(problem: ActError) -> tuple[Response, int]:
        return jsonify(ok=False, error=str(problem)), 400

    return app
