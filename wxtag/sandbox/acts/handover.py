"""A customer goes from one member to another."""

from wxtag.sandbox import ids
from wxtag.sandbox.acts.relation import contact_event, new_edge, welcome_code
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

ASSIGNED = 202


def hand_over(sandbox: Sandbox, corpid: str, giver: str, taker: str, key: str) -> list[int]:
    """Moves the relation; the receiver's event is left out when he knew the customer already."""
    corp = sandbox.world.data["corps"][corpid]
    old = corp["edges"][giver.lower()].pop(key, None)
    if old is None:
        raise ActError(TEXTS["not_friends"])
    there = corp["edges"][taker.lower()].get(key)
    once_gave = [taker.lower(), key] in corp["handed_over"]
    corp["handed_over"].append([giver.lower(), key])
    for waiting in corp["transfers"]:
        same = waiting["external_userid"] == key and waiting["from"].lower() == giver.lower()
        if same and waiting["to"].lower() == taker.lower() and waiting["status"] == 2:
            waiting.update({"status": 1, "takeover_time": sandbox.world.now()})
    sent = contact_event(
        sandbox, corpid, "del_external_contact", giver, key, ("Source", "DELETE_BY_TRANSFER")
    )
    if there is None or there["status"] != "friend":
        survive = sandbox.world.switches["wecom.tags_survive_transfer"]
        kept = {"tags": old["tags"], "personal": old["personal"]} if survive else {}
        new_edge(
            sandbox, corp, taker, key, add_way=ASSIGNED, oper_userid=giver, remark=old["remark"],
            mobiles=old["mobiles"], state=old["state"], **kept,
        )  # fmt: skip
        if not once_gave:
            code = welcome_code(sandbox, corp)
            more = (("State", old["state"]), ("WelcomeCode", code))
            sent += contact_event(sandbox, corpid, "add_external_contact", taker, key, *more)
    sandbox.world.changed()
    return sent


def settle_due(sandbox: Sandbox, corpid: str) -> None:
    """Transfers nobody refused come true by themselves after a day."""
    corp, now = sandbox.world.data["corps"][corpid], sandbox.world.now()
    for waiting in list(corp["transfers"]):
        due = waiting["at"] + float(sandbox.world.switches["wecom.transfer_seconds"])
        if waiting["status"] == 2 and due <= now:
            hand_over(sandbox, corpid, waiting["from"], waiting["to"], waiting["external_userid"])


@act("transfer")
def transfer(sandbox: Sandbox, body: Doc) -> Doc:
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    giver = sandbox.world.need_staff(corp, body.get("from"))["userid"]
    taker = sandbox.world.need_staff(corp, body.get("to"))["userid"]
    key = ids.external_userid(sandbox.world.need_person(body.get("person"))["id"], corpid)
    return {"deliveries": hand_over(sandbox, corpid, giver, taker, key)}


@act("transfer_refuse")
def transfer_refuse(sandbox: Sandbox, body: Doc) -> Doc:
    """The customer says no to a transfer the interface started."""
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
    from wxtag.sandbox.acts.relation import event_to_apps, head

    fields = head(sandbox, corpid, "change_external_contact")
    fields += [("ChangeType", "transfer_fail"), ("FailReason", reason)]
    fields += [("UserID", userid), ("ExternalUserID", key)]
    return event_to_apps(sandbox, corpid, fields, userid)


@act("staff_leave")
def staff_leave(sandbox: Sandbox, body: Doc) -> Doc:
    """A member leaves the corp: the customers wait to be assigned."""
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    staff = sandbox.world.need_staff(corp, body.get("userid"))
    now = sandbox.world.now()
    for key in corp["edges"][staff["userid"].lower()]:
        row = {"handover_userid": staff["userid"], "external_userid": key, "dimission_time": now}
        corp["unassigned"].append(row)
    del corp["edges"][staff["userid"].lower()]
    del corp["staff"][staff["userid"].lower()]
    sandbox.world.changed()
    return {"corpid": corpid}
