"""The JSON body of a request to the control interface."""

from typing import Any

from flask import request

from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc


def body_of_request() -> Doc:
    """The body as an object; none is an empty one."""
    found: Any = request.get_json(silent=True) if request.get_data() else {}
    if not isinstance(found, dict):
        raise ActError(TEXTS["bad_body"])
    return found
