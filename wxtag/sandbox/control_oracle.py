"""The control interface's views of truth and load; callbacks held back and released; streams."""

from flask import Blueprint, Response, jsonify, request

from wxtag.sandbox import oracle
from wxtag.sandbox.control_body import body_of_request
from wxtag.sandbox.core import the_sandbox
from wxtag.sandbox.errors import ActError, ApiError
from wxtag.sandbox.streams import Streams
from wxtag.sandbox.texts import TEXTS

control_oracle = Blueprint("control_oracle", __name__, url_prefix="/sandbox")
_VIEWS = {
    "relations": oracle.relations,
    "changes": oracle.changes,
    "fans": oracle.fans,
    "person": oracle.person_found,
}


@control_oracle.get("/oracle/<view>")
def truth(view: str) -> Response:
    sandbox, look = the_sandbox(), _VIEWS.get(view)
    if look is None:
        raise ActError(TEXTS["no_view"].format(view))
    try:
        with sandbox.world.lock:
            return jsonify(look(sandbox, request.args.to_dict()))
    except (ApiError, ValueError) as problem:
        raise ActError(TEXTS["bad_value"].format(problem)) from problem


@control_oracle.delete("/oracle/changes")
def forget_changes() -> Response:
    """The counts of changes begin at 0 again."""
    sandbox = the_sandbox()
    with sandbox.world.lock:
        sandbox.world.data["ledger"].clear()
        sandbox.world.changed()
    return jsonify(ok=True)


@control_oracle.get("/load")
def load() -> Response:
    return jsonify(oracle.load(the_sandbox()))


@control_oracle.get("/deliveries/counts")
def counts() -> Response:
    courier = the_sandbox().courier
    pending = courier.wait_idle(0)
    return jsonify({**courier.counts.shown(), "pending": pending, "held": courier.held()})


@control_oracle.put("/deliveries/hold")
def hold() -> Response:
    """`{"on": true}` holds callbacks back from now on, of one `account` or of all; false does not release."""
    body, courier = body_of_request(), the_sandbox().courier
    key = str(body.get("account") or "*")
    courier.holding = courier.holding | {key} if body.get("on", True) else courier.holding - {key}
    return jsonify(ok=True, holding=sorted(courier.holding), held=courier.held())


@control_oracle.post("/deliveries/release")
def release() -> Response:
    """What is held goes: `order` as_sent, reversed or shuffled (`seed`), `copies` of each, the `first` n."""
    body = body_of_request()
    order, copies = str(body.get("order") or "as_sent"), int(body.get("copies") or 1)
    if order not in ("as_sent", "reversed", "shuffled") or not 1 <= copies <= 100:
        raise ActError(TEXTS["bad_value"].format(order))
    first = None if body.get("first") is None else int(body["first"])
    courier = the_sandbox().courier
    sent = courier.release(order, int(body.get("seed") or 1), copies, first, body.get("account"))
    return jsonify(ok=True, sent=sent, held=courier.held())


def _streams() -> Streams:
    sandbox = the_sandbox()
    if sandbox.streams is None:
        sandbox.streams = Streams(sandbox)
    found: Streams = sandbox.streams
    return found


@control_oracle.post("/streams")
def start_stream() -> Response:
    try:
        return jsonify(ok=True, stream=_streams().start(body_of_request()).shown())
    except (TypeError, ValueError) as problem:
        raise ActError(TEXTS["bad_value"].format(problem)) from problem


@control_oracle.get("/streams")
def streams() -> Response:
    return jsonify(streams=_streams().shown())


@control_oracle.delete("/streams")
def stop_streams() -> Response:
    """All of them stop; what they did stays to be read."""
    _streams().stop()
    return jsonify(ok=True, streams=_streams().shown())
