"""Notices that we sent to a person: whether they came, and whether the person still wants them.

https://developers.weixin.qq.com/doc/service/guide/product/subscription_messages/push
"""

from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.events import fields
from wxtag.events.decoded import Decoded, IdentityKey, NewConsent, NewEvent

CONSENT = "notices"


def sent(_a: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str) -> Decoded:
    """TEMPLATESENDJOBFINISH: one template message, to the one in FromUserName."""
    status = fields.text(content, "Status")
    return Decoded(events=[_result(who, at, status.lower() == "success", status)])


def subscription_sent(
    _a: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str
) -> Decoded:
    """subscribe_msg_sent_event: one result a template."""
    results = []
    for one in _list(content, "SubscribeMsgSentEvent"):
        status = fields.text(one, "ErrorStatus") or fields.text(one, "ErrorCode")
        results.append(_result(who, at, fields.text(one, "ErrorCode") in ("", "0"), status))
    return Decoded(identities=[who], events=results)


def card_sent(account: BoundAccount, content: dict[str, Any], at: int) -> Decoded:
    """notify_service_msg_send_result: the person is `openid`."""
    who = fields.required("openid", account.key, content, "openid")
    status = fields.text(content, "fail_msg") or fields.text(content, "fail_ret")
    return Decoded(events=[_result(who, at, fields.text(content, "fail_ret") in ("", "0"), status)])


def subscription(
    _a: BoundAccount, who: IdentityKey, content: dict[str, Any], at: int, _datum: str
) -> Decoded:
    """subscribe_msg_popup_event, subscribe_msg_change_event: each template allowed or refused."""
    answers: dict[bool, list[str]] = {True: [], False: []}
    for one in (*_list(content, "SubscribeMsgPopupEvent"), *_list(content, "SubscribeMsgChangeEvent")):
        status = fields.text(one, "SubscribeStatusString").lower()
        template = fields.text(one, "TemplateId")
        if template and status in ("accept", "reject"):
            answers[status == "accept"].append(template)
    decoded = Decoded(identities=[who])
    for given, kind in ((True, "allowed_notices"), (False, "refused_notices")):
        templates = list(dict.fromkeys(answers[given]))
        if templates:
            decoded.events.append(NewEvent(who, kind, at, properties={"templates": templates[:20]}))
        decoded.consents += [NewConsent(who, CONSENT, given, at, template[:128]) for template in templates]
    return decoded


def _list(content: dict[str, Any], container: str) -> list[dict[str, Any]]:
    """XML wraps the templates in a container; JSON is flat, and one template is no list."""
    return fields.several(fields.part(content, container) or content, "List")


def _result(who: IdentityKey, at: int, came: bool, status: str) -> NewEvent:
    kind = "got_notice" if came else "missed_notice"
    return NewEvent(who, kind, at, properties={"status": status[:190]} if status else {})
