"""Acts of the platforms: privacy events, repeated callbacks, tokens and secrets that stop working."""

from wxtag.sandbox import ids
from wxtag.sandbox.acts.fans import head, visitor
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.world import Doc

_PUSH_USER = "oPlatformPushUser0000000001"
_DEFAULT_INFO = {"official_account": "205", "mini_program": "8"}


def _privacy(sandbox: Sandbox, body: Doc, name: str, info: str | None) -> Doc:
    account, person, openid = visitor(sandbox, body, None if body.get("appid") else "official_account")
    fields = [*head(sandbox, account, _PUSH_USER), ("Event", name), ("OpenID", openid)]
    unionid = sandbox.world.unionid(person["id"], account)
    if unionid:
        fields.append(("UnionID", unionid))
    fields.append(("AppID", account["appid"]))
    if info is not None:
        fields.append(("RevokeInfo", info))
    # The sender is the platform, not the person.
    return {"openid": openid, "deliveries": [sandbox.courier.push(account, fields, _PUSH_USER)]}


@act("cancel_account")
def cancel_account(sandbox: Sandbox, body: Doc) -> Doc:
    """The person deletes the WeChat account: no fan any more."""
    account, _, openid = visitor(sandbox, body, None if body.get("appid") else "official_account")
    fan = sandbox.world.data["fans"][account["appid"]].get(openid)
    if fan:
        fan["subscribe"] = 0
        sandbox.world.touch_fan(account["appid"], openid)
    info = str(body["info"]) if body.get("info") else None
    return _privacy(sandbox, body, "user_authorization_cancellation", info)


@act("revoke")
def revoke(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, _ = visitor(sandbox, body, None if body.get("appid") else "official_account")
    info = str(body.get("info") or _DEFAULT_INFO[account["kind"]])
    return _privacy(sandbox, body, "user_authorization_revoke", info)


@act("info_modified")
def info_modified(sandbox: Sandbox, body: Doc) -> Doc:
    info = str(body["info"]) if body.get("info") else None
    return _privacy(sandbox, body, "user_info_modified", info)


@act("unionid")
def unionid(sandbox: Sandbox, body: Doc) -> Doc:
    """Whether `wecom` and `wechat` tell the person's unionid from now on (true or false)."""
    person = sandbox.world.need_person(body.get("person"))
    hidden = set(person.get("no_unionid", ()))
    for platform in ("wecom", "wechat"):
        if platform in body:
            (hidden.discard if body[platform] else hidden.add)(platform)
    person["no_unionid"] = sorted(hidden)
    sandbox.world.touch_person(person["id"])
    return {"person": person["id"], "hidden_on": person["no_unionid"]}


@act("rename_person")
def rename_person(sandbox: Sandbox, body: Doc) -> Doc:
    """Another nickname, another phone: no event tells it."""
    person = sandbox.world.need_person(body.get("person"))
    for key in ("name", "phone"):
        if body.get(key):
            person[key] = str(body[key])
    sandbox.world.touch_person(person["id"])
    return {"person": person["id"]}


@act("resend")
def resend(sandbox: Sandbox, body: Doc) -> Doc:
    return {"sent": sandbox.courier.resend(int(body.get("n") or 1))}


@act("expire_tokens")
def expire_tokens(sandbox: Sandbox, body: Doc) -> Doc:
    """Tokens of one account, or all, run out (42001); `how` "invalid" forgets them (40014, 40001)."""
    world = sandbox.world
    key = world.need_account(body["account"])["id"] if body.get("account") else None
    hit = [token for token, known in world.data["tokens"].items() if key in (None, known["account"])]
    for token in hit:
        if body.get("how") == "invalid":
            del world.data["tokens"][token]
        else:
            world.data["tokens"][token]["expires"] = world.now() - 1
    world.changed()
    return {"tokens": len(hit)}


@act("reset_secret")
def reset_secret(sandbox: Sandbox, body: Doc) -> Doc:
    """A new secret; the tokens got with the old one are void."""
    account = sandbox.world.need_account(body.get("account"))
    account["secret"] = ids.new_text(43) if account["kind"] == "wecom" else ids.new_hex(32)
    expire_tokens(sandbox, {"account": account["id"], "how": "invalid"})
    return {"secret": account["secret"]}
