"""The control interface of faults: a list, or mixes with probabilities, and how often each one struck."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from wxtag.sandbox.control_body import body_of_request
from wxtag.sandbox.core import the_sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS

control_faults = Blueprint("control_faults", __name__, url_prefix="/sandbox")


@control_faults.get("/faults")
def faults() -> Response:
    return jsonify(the_sandbox().faults.shown())


@control_faults.put("/faults")
def set_faults() -> Response:
    found: Any = request.get_json(silent=True)
    if isinstance(found, list):
        found = {"faults": found}
    if not isinstance(found, dict) or not isinstance(found.get("faults", []), list):
        raise ActError(TEXTS["bad_body"])
    sandbox = the_sandbox()
    wrong = sandbox.faults.set(found.get("faults", []), found.get("seed"))
    if wrong:
        raise ActError(wrong)
    return jsonify({"ok": True, **sandbox.faults.shown()})


@control_faults.put("/faults/mix")
def set_mix() -> Response:
    """`{"seed", "mixes": [{"platform", "api", "mix": {...}}]}`, or one mix by itself."""
    body, sandbox = body_of_request(), the_sandbox()
    mixes = body.get("mixes", [body])
    if not isinstance(mixes, list) or not all(isinstance(one, dict) for one in mixes):
        raise ActError(TEXTS["bad_body"])
    wrong = sandbox.faults.mix(mixes, body.get("seed"))
    if wrong:
        raise ActError(wrong)
    return jsonify({"ok": True, **sandbox.faults.shown()})


@control_faults.delete("/faults")
def clear_faults() -> Response:
    """No faults any more, and no blocks they left; the counts stay, unless `?counts=1`."""
    sandbox = the_sandbox()
    shown = sandbox.faults.shown()
    sandbox.faults.set([])
    sandbox.windows.unblock()
    if request.args.get("counts") == "1":
        sandbox.faults.forget_counts()
    return jsonify({"ok": True, **{key: shown[key] for key in ("seed", "injected", "injected_in_all")}})
