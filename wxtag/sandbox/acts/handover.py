"""A customer goes from one member to another, while the first one works here or after he left."""

from wxtag.sandbox import ids
from wxtag.sandbox.acts.relation import contact_event, event_to_apps, head, new_edge, welcome_code
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.edge import Edge
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

ASSIGNED = 202


def _given(corp: Doc, giver: str, key: str) -> Edge | None:
    """Takes the relation away from a member, or from one who left."""
    if giver.lower() in corp["edges"]:
        found: Edge | None = corp["edges"][giver.lower()].pop(key, None)
        return found
    found = corp["left"].get(giver.lower(), {"edges": {}})["edges"].pop(key, None)
    corp["unassigned"] = [
        row
        for row in corp["unassigned"]
        if row["external_userid"] != key or row["handover_userid"].lower() != giver.lower()
    ]
    return found


def hand_over(sandbox: Sandbox, corpid: str, giver: str, taker: str, key: str) -> list[int]:
    """Moves the relation; the receiver's event is left out when he knew the customer already."""
    corp = sandbox.world.data["corps"][corpid]
    leaver = giver.lower() not in corp["edges"]
    old = _given(corp, giver, key)
    if old is None:
        raise ActError(TEXTS["not_friends"])
    sandbox.world.touch_edge(corpid, giver, key)
    there = corp["edges"][taker.lower()].get(key)
    once_gave = f"{taker.lower()}|{key}" in corp["gave"]
    corp["gave"][f"{giver.lower()}|{key}"] = 1
    for waiting in corp["transfers"]:
        same = waiting["external_userid"] == key and waiting["from"].lower() == giver.lower()
        if same and waiting["to"].lower() == taker.lower() and waiting["status"] == 2:
            waiting.update({"status": 1, "takeover_time": sandbox.world.now()})
    sent = []
    if not leaver:
        source = ("Source", "DELETE_BY_TRANSFER")
        sent = contact_event(sandbox, corpid, "del_external_contact", giver, key, source)
    if there is None or there["status"] != "friend":
        survive = sandbox.world.switches["wecom.tags_survive_transfer"]
        kept = {"tags": old["tags"], "personal": old["personal"]} if survive else {}
        new_edge(
            sandbox, corpid, taker, key, add_way=ASSIGNED, oper_userid=giver, remark=old["remark"],
            mobiles=old["mobiles"], state=old["state"], **kept,
        )  # fmt: skip
        if not once_gave:
            code = welcome_code(sandbox, corp)
            more = (("State", old["state"]), ("WelcomeCode", code))
            sent += contact_event(sandbox, corpid, "add_external_contact", taker, key, *more)
    sandbox.world.changed()
    return sent


def settle_due(sandbox: Sandbox, corpid: str, at_once: str | None = None) -> list[int]:
    """Transfers nobody refused come true by themselves after a day; `at_once` is a customer who agrees."""
    corp, now = sandbox.world.data["corps"][corpid], sandbox.world.now()
    sent: list[int] = []
    for waiting in [row for row in corp["transfers"] if row["status"] == 2]:
        due = waiting["at"] + float(sandbox.world.switches["wecom.transfer_seconds"])
        if waiting["to"].lower() in corp["staff"] and (due <= now or waiting["external_userid"] == at_once):
            sent += hand_over(sandbox, corpid, waiting["from"], waiting["to"], waiting["external_userid"])
    return sent


@act("transfer")
def transfer(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    giver = sandbox.world.need_staff(corp, body.get("from"))["userid"]
    taker = sandbox.world.need_staff(corp, body.get("to"))["userid"]
    key = ids.external_userid(sandbox.world.need_person(body.get("person"))["id"], corpid)
    return {"deliveries": hand_over(sandbox, corpid, giver, taker, key)}


@act("transfer_accept")
def transfer_accept(sandbox: Sandbox, body: Doc) -> Doc:
    """The customer agrees; without a `person` only the transfers that are due come true."""
    corpid, _ = sandbox.world.need_corp(body.get("corpid"))
    person = sandbox.world.need_person(body["person"])["id"] if body.get("person") else None
    key = ids.external_userid(person, corpid) if person else None
    return {"deliveries": settle_due(sandbox, corpid, key)}


@act("transfer_refuse")
def transfer_refuse(sandbox: Sandbox, body: Doc) -> Doc:
    """The customer says no to a transfer the interface started; or `reason` customer_limit_exceed."""
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    key = ids.external_userid(sandbox.world.need_person(body.get("person"))["id"], corpid)
    for waiting in corp["transfers"]:
        if waiting["external_userid"] == key and waiting["status"] == 2:
            full = body.get("reason") == "customer_limit_exceed"
            waiting["status"] = 4 if full else 3
            sandbox.world.changed()
            reason = "customer_limit_exceed" if full else "customer_refused"
            return {"deliveries": _failed(sandbox, corpid, waiting["to"], key, reason)}
    raise ActError(TEXTS["no_transfer"])


def _failed(sandbox: Sandbox, corpid: str, userid: str, key: str, reason: str) -> list[int]:
    fields = head(sandbox, corpid, "change_external_contact")
    fields += [("ChangeType", "transfer_fail"), ("FailReason", reason)]
    fields += [("UserID", userid), ("ExternalUserID", key)]
    return event_to_apps(sandbox, corpid, fields, userid)


def leave(sandbox: Sandbox, corpid: str, staff: Doc) -> None:
    """The member's customers wait to be assigned; the groups wait for another owner."""
    corp, now, low = sandbox.world.data["corps"][corpid], sandbox.world.now(), staff["userid"].lower()
    edges = corp["edges"].pop(low)
    for key in edges:
        row = {"handover_userid": staff["userid"], "external_userid": key, "dimission_time": now}
        corp["unassigned"].append(row)
        sandbox.world.touch_edge(corpid, low, key)
    for chat in corp["chats"].values():
        if chat["owner"].lower() == low:
            chat["status"] = 1
    corp["left"][low] = {"userid": staff["userid"], "edges": edges, "at": now}
    del corp["staff"][low]
    sandbox.world.changed()
