"""Mini-program interfaces: phone number, session check, mini-program codes."""

import hashlib
import hmac
import re

from flask import Response

from wxtag.sandbox.errors import ApiError
from wxtag.sandbox.gate import Call
from wxtag.sandbox.picture import png
from wxtag.sandbox.wechat.gate import MINI, OK, person_of, wechat_api
from wxtag.sandbox.wechat.sns import new_session_key, take_code
from wxtag.sandbox.world import Doc

_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]+")


@wechat_api("wxa/business/getuserphonenumber", kinds=MINI)
def getuserphonenumber(call: Call) -> Doc:
    world, body = call.sandbox.world, call.body
    value = str(body.get("code") or "")
    if not value:
        raise ApiError(41008)
    known = world.data["codes"].get(value)
    if body.get("openid") and known and person_of(call, body["openid"]) != known.get("person"):
        raise ApiError(40003)
    code = take_code(call, value, "phone", call.account, 40029, 40013)
    phone = world.data["people"][code["person"]]["phone"]
    country, bare = "86", phone
    # A number from abroad is written +CC-number in this world.
    if phone.startswith("+"):
        country, _, bare = phone[1:].partition("-")
    return {
        **OK,
        "phone_info": {
            "phoneNumber": bare if country == "86" else f"+{country}{bare}",
            "purePhoneNumber": bare,
            "countryCode": int(country) if world.switches["wechat.country_code_int"] else country,
            "watermark": {"timestamp": world.now(), "appid": call.account["appid"]},
        },
    }


def _checked_session(call: Call) -> str:
    """The key of the session store; the signature must be made with its session_key."""
    openid = call.args.get("openid", "")
    person_of(call, openid)
    if call.args.get("sig_method") != "hmac_sha256":
        raise ApiError(87008)
    key = f"{call.account['appid']}|{openid}"
    session_key = call.sandbox.world.data["sessions"].get(key)
    if session_key is None:
        raise ApiError(87007)
    # The key is the base64 text itself, not its decoded bytes.
    expected = hmac.new(session_key.encode(), b"", hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, call.args.get("signature", "")):
        raise ApiError(87009)
    return key


@wechat_api("wxa/checksession", "GET", kinds=MINI)
def checksession(call: Call) -> Doc:
    _checked_session(call)
    return dict(OK)


@wechat_api("wxa/resetusersessionkey", "GET", kinds=MINI)
def resetusersessionkey(call: Call) -> Doc:
    key = _checked_session(call)
    sessions = call.sandbox.world.data["sessions"]
    sessions[key] = new_session_key()
    call.sandbox.world.changed()
    return {**OK, "openid": call.args["openid"], "session_key": sessions[key]}


@wechat_api("wxa/getpaidunionid", "GET", kinds=MINI)
def getpaidunionid(call: Call) -> Doc:
    """The unionid of somebody who paid (act `pay`) less than five minutes ago."""
    world, args = call.sandbox.world, call.args
    person = person_of(call, args.get("openid", ""))
    code = world.data["codes"].get(args.get("transaction_id") or args.get("out_trade_no") or "")
    if code is None or code["kind"] != "payment" or code["account"] != call.account["appid"]:
        raise ApiError(89300)
    if code["person"] != person or code["at"] + 300 < world.now():
        raise ApiError(89300)
    unionid = world.unionid(person, call.account)
    if unionid is None:
        raise ApiError(89002)
    return {"unionid": unionid, **OK}


@wechat_api("wxa/business/checkencryptedmsg", kinds=MINI)
def checkencryptedmsg(call: Call) -> Doc:
    """Whether the platform made this encryptedData (act `encrypted_data`) in the last three days."""
    known = call.sandbox.world.data["codes"].get(str(call.body.get("encrypted_msg_hash") or ""))
    # The key is spelled like this.
    return {**OK, "vaild": known is not None, "create_time": known["at"] if known else 0}


@wechat_api("wxa/getwxacodeunlimit", kinds=MINI)
def getwxacodeunlimit(call: Call) -> Response:
    scene, page = call.body.get("scene"), call.body.get("page", "")
    if not isinstance(scene, str) or not scene or len(scene) > 32:
        raise ApiError(40169)
    if not _SCENE.fullmatch(scene):
        raise ApiError(40129)
    if not isinstance(page, str) or page.startswith("/") or "?" in page:
        raise ApiError(41030, "invalid page")
    width = call.body.get("width", 430)
    if not isinstance(width, int) or not 280 <= width <= 1280:
        raise ApiError(40097)
    return Response(png(f"{call.account['appid']}|{scene}|{page}"), content_type="image/png")
