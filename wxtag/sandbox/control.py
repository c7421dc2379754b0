"""The control interface under /sandbox: tests and demonstrations steer the world with it."""

from itertools import islice

from flask import Blueprint, Response, jsonify, request

from wxtag.sandbox import defaults, library, views
from wxtag.sandbox.acts import acts
from wxtag.sandbox.control_body import body_of_request
from wxtag.sandbox.core import the_sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.verify import check_url
from wxtag.sandbox.world import Doc

control = Blueprint("control", __name__, url_prefix="/sandbox")
Answer = Response | tuple[Response, int]
# These talk to the product, which may call back here: they run without the world's lock.
_UNLOCKED = {"mini_login", "mini_phone", "mini_event"}


@control.get("/accounts")
def accounts() -> Answer:
    found = the_sandbox().world.data["accounts"].values()
    return jsonify(accounts=[defaults.account_shown(account) for account in found])


@control.post("/accounts")
def new_account() -> Answer:
    return jsonify(defaults.account_shown(defaults.add_account(the_sandbox().world, body_of_request())))


@control.put("/accounts/<key>/callback")
def callback(key: str) -> Answer:
    sandbox = the_sandbox()
    account = sandbox.world.need_account(key)
    url = str(body_of_request().get("url") or "")
    if url:
        limit = float(sandbox.world.switches["callbacks.verify_timeout_seconds"])
        result = check_url(account, url, sandbox.world.now(), limit)
        if not result["ok"]:
            return jsonify(result), 400
    with sandbox.world.lock:
        account["callback_url"] = url or None
        sandbox.world.changed()
    return jsonify(ok=True)


@control.put("/accounts/<key>/settings")
def settings(key: str) -> Answer:
    world = the_sandbox().world
    account = world.need_account(key)
    defaults.change_account(world, account, body_of_request())
    return jsonify(ok=True, account=defaults.account_shown(account))


@control.put("/product")
def product() -> Answer:
    world = the_sandbox().world
    world.data["product_url"] = str(body_of_request().get("url") or "").rstrip("/") or None
    world.changed()
    return jsonify(ok=True)


@control.get("/people")
def people() -> Answer:
    world = the_sandbox().world
    prefix, limit = request.args.get("prefix", ""), request.args.get("limit", type=int)
    with world.lock:
        found = (person for key, person in world.data["people"].items() if key.startswith(prefix))
        return jsonify(people=[world.person_shown(person) for person in islice(found, limit)])


@control.post("/people")
def new_person() -> Answer:
    body = body_of_request()
    world = the_sandbox().world
    return jsonify(defaults.add_person(world, body.get("name"), body.get("id"), body.get("phone")))


@control.get("/staff")
def staff() -> Answer:
    world = the_sandbox().world
    corps = world.data["corps"].items()
    return jsonify(
        staff=[{"corpid": corpid, **member} for corpid, corp in corps for member in corp["staff"].values()]
    )


@control.post("/staff")
def new_staff() -> Answer:
    body, world = body_of_request(), the_sandbox().world
    corpid, _ = world.need_corp(body.get("corpid"))
    return jsonify(defaults.add_staff(world, corpid, body))


@control.post("/act/<verb>")
def act(verb: str) -> Answer:
    sandbox, run = the_sandbox(), acts.get(verb)
    if run is None:
        raise ActError(TEXTS["no_act"].format(verb))
    body = body_of_request()
    try:
        if verb in _UNLOCKED:
            result = run(sandbox, body)
        else:
            with sandbox.world.lock:
                result = run(sandbox, body)
    except (TypeError, ValueError, KeyError) as problem:
        raise ActError(TEXTS["bad_value"].format(problem)) from problem
    if result.get("ok") is False:
        return jsonify(result), 400
    return jsonify({"ok": True, **result})


@control.get("/view/<corpid>/<userid>")
def view(corpid: str, userid: str) -> Answer:
    sandbox = the_sandbox()
    with sandbox.world.lock:
        return jsonify(views.staff_view(sandbox, corpid, userid, request.args.get("limit", type=int)))


@control.get("/state/<person>")
def state(person: str) -> Answer:
    sandbox = the_sandbox()
    with sandbox.world.lock:
        return jsonify(views.person_state(sandbox, person))


@control.get("/library/<corpid>")
def tag_library(corpid: str) -> Answer:
    world = the_sandbox().world
    with world.lock:
        _, corp = world.need_corp(corpid)
        return jsonify(groups=library.library_shown(corp))


@control.get("/calls")
def calls() -> Answer:
    since = request.args.get("since", 0, type=int)
    shown = the_sandbox().calls.shown(since, request.args.get("api", "").removeprefix("cgi-bin/"))
    return jsonify({**shown, "calls": _last(shown["calls"])})


@control.delete("/calls")
def clear_calls() -> Answer:
    the_sandbox().calls.clear()
    return jsonify(ok=True)


@control.get("/deliveries")
def deliveries() -> Answer:
    since = request.args.get("since", 0, type=int)
    shown = the_sandbox().courier.shown(since, request.args.get("account"))
    return jsonify({**shown, "deliveries": _last(shown["deliveries"])})


def _last(rows: list[Doc]) -> list[Doc]:
    """The pages ask for the newest rows only."""
    count = request.args.get("last", 0, type=int)
    return rows[-count:] if count > 0 else rows


@control.delete("/deliveries")
def clear_deliveries() -> Answer:
    the_sandbox().courier.clear()
    return jsonify(ok=True)


@control.post("/wait_idle")
def wait_idle() -> Answer:
    left = the_sandbox().courier.wait_idle(float(body_of_request().get("timeout") or 10))
    return jsonify(ok=not left, idle=not left, pending=left)


@control.get("/switches")
def switches() -> Answer:
    return jsonify(switches=the_sandbox().world.switches.all())


@control.put("/switches")
def set_switches() -> Answer:
    world = the_sandbox().world
    with world.lock:
        unknown = world.switches.set(body_of_request())
        world.changed()
    if unknown:
        raise ActError(TEXTS["unknown_switches"].format("、".join(unknown)))
    return jsonify(ok=True, switches=world.switches.all())


@control.post("/reset")
def reset() -> Answer:
    the_sandbox().reset()
    return jsonify(ok=True)
