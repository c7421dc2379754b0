"""Subscription notices: a person agrees, refuses, changes his mind; and what became of a notice."""

from typing import Any

from wxtag.sandbox.acts.fans import event, visitor
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.pushes import Bare
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

_BARE = {"PopupScene", "MsgID", "ErrorCode"}


def granted(sandbox: Sandbox, account: Doc, openid: str) -> Doc:
    """How many notices of each template the account may still send."""
    key = f"{account['appid']}|{openid}"
    found: Doc = sandbox.world.data["grants"].setdefault(key, {})
    return found


def _told(sandbox: Sandbox, account: Doc, openid: str, name: str, rows: list[Doc]) -> Doc:
    """XML repeats List in a container; JSON has it on top, as an object when there is one."""
    if account.get("format") == "json":
        listed: Any = rows
        if len(rows) == 1 and sandbox.world.switches["wechat.json_list_shape"] == "object_for_one":
            listed = rows[0]
        return event(sandbox, account, openid, name, ("List", listed))
    container = [
        ("List", [(key, Bare(value) if key in _BARE else value) for key, value in row.items()])
        for row in rows
    ]
    outer = "".join(part.capitalize() for part in name.split("_"))
    return event(sandbox, account, openid, name, (outer, container))


@act("subscribe_popup")
def subscribe_popup(sandbox: Sandbox, body: Doc) -> Doc:
    """The person answers the question about subscription notices."""
    account, _, openid = visitor(sandbox, body, None)
    rows: list[Doc] = [
        {
            "TemplateId": str(row.get("id")),
            "SubscribeStatusString": str(row.get("status") or "accept"),
            "PopupScene": str(row.get("scene") or 0),
        }
        for row in body.get("templates") or []
    ]
    if not rows:
        raise ActError(TEXTS["no_templates"])
    left = granted(sandbox, account, openid)
    for row in rows:
        if row["SubscribeStatusString"] == "accept":
            left[row["TemplateId"]] = left.get(row["TemplateId"], 0) + 1
    sandbox.world.changed()
    return _told(sandbox, account, openid, "subscribe_msg_popup_event", rows)


@act("subscribe_change")
def subscribe_change(sandbox: Sandbox, body: Doc) -> Doc:
    """The person takes an agreement back in the settings; only refusals are told."""
    account, _, openid = visitor(sandbox, body, None)
    keys = [str(row.get("id")) for row in body.get("templates") or []]
    if not keys:
        raise ActError(TEXTS["no_templates"])
    for key in keys:
        granted(sandbox, account, openid).pop(key, None)
    sandbox.world.changed()
    rows = [{"TemplateId": key, "SubscribeStatusString": "reject"} for key in keys]
    return _told(sandbox, account, openid, "subscribe_msg_change_event", rows)


def sent_event(sandbox: Sandbox, account: Doc, openid: str, template: str, number: int) -> Doc:
    row = {"TemplateId": template, "MsgID": str(number), "ErrorCode": "0", "ErrorStatus": "success"}
    return _told(sandbox, account, openid, "subscribe_msg_sent_event", [row])


@act("subscribe_sent")
def subscribe_sent(sandbox: Sandbox, body: Doc) -> Doc:
    """The result of a notice, without a call that sent one: `error_code` and `error_status`."""
    account, _, openid = visitor(sandbox, body, None)
    row = {
        "TemplateId": str(body.get("template") or "TPL_own_0001"),
        "MsgID": str(1_864_000_000_000_000_000 + sandbox.world.number()),
        "ErrorCode": str(body.get("error_code") or 0),
        "ErrorStatus": str(body.get("error_status") or "success"),
    }
    return _told(sandbox, account, openid, "subscribe_msg_sent_event", [row])
