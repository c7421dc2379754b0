"""Acts between a member and a customer: befriending, parting, and what the member notes in the client."""

from wxtag.sandbox import ids, library
from wxtag.sandbox.acts.relation import contact_event, need_edge, new_edge, pair, welcome_code
from wxtag.sandbox.acts.table import act, texts_of
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.defaults import add_person
from wxtag.sandbox.edge import mark_by
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

SCAN_QR, SEARCH_MOBILE, CARD, ACQUIRED = 1, 2, 3, 16


def _by_way(sandbox: Sandbox, body: Doc) -> Doc:
    """A contact way names the member and the state."""
    if not body.get("config_id"):
        return body
    _, corp = sandbox.world.need_corp(body.get("corpid"))
    way = corp["ways"].get(body["config_id"])
    if way is None:
        raise ActError(TEXTS["no_way"].format(body["config_id"]))
    return {**body, "state": way["state"], "userid": body.get("userid") or (way["user"] or [None])[0]}


@act("add_friend")
def add_friend(sandbox: Sandbox, body: Doc) -> Doc:
    body = _by_way(sandbox, body)
    corpid, corp, staff, key = pair(sandbox, body)
    if not staff["customer_contact"]:
        raise ActError(TEXTS["no_customer_contact"])
    known = corp["edges"][staff["userid"].lower()].get(key)
    if known and known["status"] == "friend":
        # Scanning again as a friend produces no event.
        return {"external_userid": key, "already": True}
    state = str(body.get("state") or "")
    by_staff = body.get("by") == "staff"
    add_way = int(
        body.get("add_way")
        or (ACQUIRED if body.get("link_id") else SCAN_QR if state else SEARCH_MOBILE if by_staff else CARD)
    )
    values = {"add_way": add_way, "state": state, "oper_userid": staff["userid"] if by_staff else key}
    if known:
        notes = ("remark", "description", "company", "mobiles", "tags", "personal")
        kept = {name: known[name] for name in notes}
        values = {**kept, **values}
    new_edge(sandbox, corpid, staff["userid"], key, **values)
    code = welcome_code(sandbox, corp)
    # LinkId is of an acquisition link.
    more = (("State", state), ("WelcomeCode", code), ("LinkId", str(body.get("link_id") or "")))
    sent = contact_event(sandbox, corpid, "add_external_contact", staff["userid"], key, *more)
    return {"external_userid": key, "welcome_code": code, "deliveries": sent}


@act("half_add")
def half_add(sandbox: Sandbox, body: Doc) -> Doc:
    body = _by_way(sandbox, body)
    corpid, corp, staff, key = pair(sandbox, body)
    if key in corp["edges"][staff["userid"].lower()]:
        return {"external_userid": key, "already": True}
    state = str(body.get("state") or "")
    new_edge(
        sandbox, corpid, staff["userid"], key, status="half", state=state, add_way=SCAN_QR, oper_userid=key
    )
    code = welcome_code(sandbox, corp)
    more = (("State", state), ("WelcomeCode", code))
    sent = contact_event(sandbox, corpid, "add_half_external_contact", staff["userid"], key, *more)
    return {"external_userid": key, "welcome_code": code, "deliveries": sent}


@act("staff_delete")
def staff_delete(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp, staff, key = pair(sandbox, body)
    need_edge(corp, staff["userid"], key)
    del corp["edges"][staff["userid"].lower()][key]
    sandbox.world.touch_edge(corpid, staff["userid"], key)
    return {"deliveries": contact_event(sandbox, corpid, "del_external_contact", staff["userid"], key)}


@act("customer_delete")
def customer_delete(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp, staff, key = pair(sandbox, body)
    edge = need_edge(corp, staff["userid"], key)
    if edge["status"] == "deleted_by_customer":
        raise ActError(TEXTS["not_friends"])
    # The one-way relation stays: the interfaces go on working for it.
    edge["status"] = "deleted_by_customer"
    sandbox.world.touch_edge(corpid, staff["userid"], key)
    return {"deliveries": contact_event(sandbox, corpid, "del_follow_user", staff["userid"], key)}


@act("edit_contact")
def edit_contact(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp, staff, key = pair(sandbox, body)
    edge = need_edge(corp, staff["userid"], key)
    world = sandbox.world
    had = set(edge["tags"])
    before = {name: _frozen(edge[name]) for name in ("remark", "mobiles", "description", "tags", "personal")}
    for name in ("remark", "description"):
        if body.get(name) is not None:
            edge[name] = str(body[name])
    if body.get("mobiles") is not None:
        edge["mobiles"] = texts_of(body["mobiles"])
    tags = dict(edge["tags"])
    for tag_id in texts_of(body.get("add_tags")):
        if library.live_tag(corp, tag_id) is None:
            raise ActError(TEXTS["no_tag"].format(tag_id))
        tags.setdefault(tag_id, mark_by("staff"))
    for tag_id in texts_of(body.get("remove_tags")):
        tags.pop(tag_id, None)
    edge["tags"] = tags
    gone = texts_of(body.get("remove_personal"))
    personal = dict.fromkeys([*edge["personal"], *texts_of(body.get("add_personal"))])
    edge["personal"] = [name for name in personal if name not in gone]
    changed = {name for name, value in before.items() if value != _frozen(edge[name])}
    has = set(edge["tags"])
    world.touch_edge(corpid, staff["userid"], key, has - had, had - has, by_staff=True)
    fires = bool(changed & {"remark", "mobiles", "tags"})
    fires = fires or ("personal" in changed and bool(world.switches["wecom.personal_tag_edit_fires"]))
    fires = fires or ("description" in changed and bool(world.switches["wecom.description_edit_fires"]))
    if not fires:
        return {"changed": sorted(changed), "deliveries": []}
    state = edge["state"] if world.switches["wecom.edit_event_state"] else None
    sent = contact_event(sandbox, corpid, "edit_external_contact", staff["userid"], key, ("State", state))
    return {"changed": sorted(changed), "deliveries": sent}


def _frozen(value: object) -> str:
    return repr(
        sorted(value) if isinstance(value, dict) else list(value) if isinstance(value, tuple) else value
    )


@act("archive_agreed")
def archive_agreed(sandbox: Sandbox, body: Doc) -> Doc:
    """The customer agrees that chats are archived."""
    corpid, corp, staff, key = pair(sandbox, body)
    need_edge(corp, staff["userid"], key)
    more = ("WelcomeCode", welcome_code(sandbox, corp))
    sent = contact_event(sandbox, corpid, "msg_audit_approved", staff["userid"], key, more)
    return {"deliveries": sent}


@act("chat")
def chat(sandbox: Sandbox, body: Doc) -> Doc:
    """The two start talking: welcome messages come too late from now on (41051)."""
    _, corp, _, _ = pair(sandbox, body)
    for welcome in corp["welcome"].values():
        welcome["chatting"] = True
    sandbox.world.changed()
    return {}


@act("seed_friends")
def seed_friends(sandbox: Sandbox, body: Doc) -> Doc:
    """Many customers at once, without events: for tests of long lists."""
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    staff = sandbox.world.need_staff(corp, body.get("userid"))
    prefix = str(body.get("prefix") or "seed")
    made = []
    for number in range(int(body.get("count") or 0)):
        person = f"{prefix}-{number:05d}"
        if person not in sandbox.world.data["people"]:
            add_person(sandbox.world, body.get("name") or person, person)
        key = ids.external_userid(person, corpid)
        new_edge(sandbox, corpid, staff["userid"], key, add_way=SCAN_QR, oper_userid=key)
        made.append(person)
    return {"people": made}
