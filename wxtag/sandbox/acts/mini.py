"""Plays mini-program clients: login, phone number and tracked events, sent to the product itself."""

import hashlib
import json
from typing import Any

from wxtag.sandbox import codes, crypt
from wxtag.sandbox.acts.fans import visitor
from wxtag.sandbox.acts.table import act
from wxtag.sandbox.core import Sandbox
from wxtag.sandbox.errors import ActError
from wxtag.sandbox.http_client import NoAnswer, send
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

_PHONE = (
    "Mozilla/5.0 (Linux; Android 14; 22041211AC Build/UP1A.231005.007; wv) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.158 Mobile Safari/537.36 XWEB/1420037 "
    "MMWEBSDK/20250201 MMWEBID/2536 MicroMessenger/8.0.60.2860(0x28003C3F) WeChat/arm64 "
    "Weixin NetType/WIFI Language/zh_CN ABI/arm64 "
    "MiniProgramEnv/android"
)


def _post(sandbox: Sandbox, body: Doc, account: Doc, path: str, content: Doc) -> Doc:
    """One request of the client; the product's answer as it came."""
    product = sandbox.world.data["product_url"]
    if not product:
        raise ActError(TEXTS["no_product"])
    appid = account["appid"]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": str(body.get("user_agent") or _PHONE),
        "Referer": f"https://servicewechat.com/{appid}/1/page-frame.html",
    }
    token = sandbox.world.data["mini_tokens"].get(f"{appid}|{body['person']}")
    if token and path != "login":
        headers["Authorization"] = f"Bearer {token}"
    try:
        sent = json.dumps(content, ensure_ascii=False).encode()
        answer = send("POST", f"{product}/mini/{appid}/{path}", sent, headers, timeout=10)
    except NoAnswer as problem:
        raise ActError(TEXTS["product_silent"].format(problem)) from problem
    try:
        shown: Any = json.loads(answer.body)
    except ValueError:
        shown = answer.body[:2000]
    result = {"status": answer.status, "answer": shown}
    if answer.status >= 300:
        return {"ok": False, "error": TEXTS["product_refused"].format(answer.status), **result}
    return result


@act("mini_login")
def mini_login(sandbox: Sandbox, body: Doc) -> Doc:
    account, person, openid = visitor(sandbox, body, "mini_program")
    code = codes.new_code(sandbox.world, "js", account["appid"], person=person["id"])
    result = _post(sandbox, body, account, "login", {"code": code})
    answer = result["answer"]
    if isinstance(answer, dict) and answer.get("token"):
        with sandbox.world.lock:
            sandbox.world.data["mini_tokens"][f"{account['appid']}|{person['id']}"] = answer["token"]
            sandbox.world.changed()
    return {"openid": openid, **result}


@act("mini_phone")
def mini_phone(sandbox: Sandbox, body: Doc) -> Doc:
    account, person, _ = visitor(sandbox, body, "mini_program")
    code = codes.new_code(sandbox.world, "phone", account["appid"], person=person["id"])
    return _post(sandbox, body, account, "phone", {"code": code})


@act("mini_event")
def mini_event(sandbox: Sandbox, body: Doc) -> Doc:
    account, _, _ = visitor(sandbox, body, "mini_program")
    return _post(sandbox, body, account, "events", {"events": body.get("events") or []})


@act("js_code")
def js_code(sandbox: Sandbox, body: Doc) -> Doc:
    account, person, _ = visitor(sandbox, body, "mini_program")
    return {"code": codes.new_code(sandbox.world, "js", account["appid"], person=person["id"])}


@act("phone_code")
def phone_code(sandbox: Sandbox, body: Doc) -> Doc:
    account, person, _ = visitor(sandbox, body, "mini_program")
    return {"code": codes.new_code(sandbox.world, "phone", account["appid"], person=person["id"])}


@act("oauth_code")
def oauth_code(sandbox: Sandbox, body: Doc) -> Doc:
    """`snapshot` true: the page is opened as a snapshot, by a virtual user."""
    account, person, _ = visitor(sandbox, body)
    values = {"scope": str(body.get("scope") or "snsapi_base"), "person": person["id"]}
    if body.get("snapshot") is not None:
        values["snapshot"] = bool(body["snapshot"])
    return {"code": codes.new_code(sandbox.world, "oauth", account["appid"], **values)}


@act("pay")
def pay(sandbox: Sandbox, body: Doc) -> Doc:
    """The person pays in the mini-program."""
    account, person, openid = visitor(sandbox, body, "mini_program")
    code = codes.new_code(sandbox.world, "payment", account["appid"], person=person["id"])
    return {"openid": openid, "transaction_id": code}


@act("encrypted_data")
def encrypted_data(sandbox: Sandbox, body: Doc) -> Doc:
    """What the client hands to the page: `of` "phone" (default) or "user", sealed with the session key."""
    account, person, openid = visitor(sandbox, body, "mini_program")
    session = sandbox.world.data["sessions"].get(f"{account['appid']}|{openid}")
    if session is None:
        raise ActError(TEXTS["no_session"])
    content: Doc = {"phoneNumber": person["phone"], "purePhoneNumber": person["phone"], "countryCode": "86"}
    if body.get("of") == "user":
        content = {"openId": openid, "nickName": "微信用户", "gender": 0, "city": "", "avatarUrl": ""}
        unionid = sandbox.world.unionid(person["id"], account)
        content.update({"unionId": unionid} if unionid else {})
    content["watermark"] = {"timestamp": sandbox.world.now(), "appid": account["appid"]}
    raw = '{"nickName":"微信用户","gender":0,"language":"zh_CN","avatarUrl":""}'
    iv, sealed = crypt.seal_data(session, json.dumps(content, ensure_ascii=False))
    digest = hashlib.sha256(sealed.encode()).hexdigest()
    kept = {"kind": "sealed", "account": account["appid"], "at": sandbox.world.now(), "used": False}
    sandbox.world.data["codes"][digest] = kept
    signature = hashlib.sha1((raw + session).encode()).hexdigest()
    return {"encryptedData": sealed, "iv": iv, "rawData": raw, "signature": signature, "hash": digest}


@act("staff_code")
def staff_code(sandbox: Sandbox, body: Doc) -> Doc:
    """A code of WeCom's web authorisation: of a member, or of a person who is none."""
    corpid, corp = sandbox.world.need_corp(body.get("corpid"))
    scope = str(body.get("scope") or "snsapi_base")
    if body.get("person"):
        person = sandbox.world.need_person(body["person"])["id"]
        return {"code": codes.new_code(sandbox.world, "wecom_oauth", corpid, person=person, scope=scope)}
    staff = sandbox.world.need_staff(corp, body.get("userid"))["userid"]
    return {"code": codes.new_code(sandbox.world, "wecom_oauth", corpid, userid=staff, scope=scope)}
