"""The page where a user agrees to a web authorisation; plays open.weixin.qq.com."""

from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from wxtag.sandbox import codes
from wxtag.sandbox.core import the_sandbox

oauth_page = Blueprint("oauth_page", __name__)


@oauth_page.get("/wechat-api/connect/oauth2/authorize")
@oauth_page.get("/wecom-api/connect/oauth2/authorize")
def authorize() -> AnyResponse | str:
    world = the_sandbox().world
    appid, target = request.args.get("appid", ""), request.args.get("redirect_uri", "")
    corp = world.data["corps"].get(appid)
    account = world.account(appid)
    if not target.startswith(("http://", "https://")) or (account is None and corp is None):
        return Response(render_template("oauth.html", name=None, people=[]), status=400)
    scope = request.args.get("scope") or "snsapi_base"
    chosen, staff = request.args.get("as_person"), request.args.get("as_staff")
    if corp is not None and staff and staff.lower() in corp["staff"]:
        userid = corp["staff"][staff.lower()]["userid"]
        return _back(target, codes.new_code(world, "wecom_oauth", appid, userid=userid, scope=scope))
    if chosen in world.data["people"]:
        kind = "oauth" if corp is None else "wecom_oauth"
        return _back(target, codes.new_code(world, kind, appid, person=chosen, scope=scope))
    rows = [("as_person", key, person["name"]) for key, person in world.data["people"].items()]
    if corp is not None:
        rows = [("as_staff", s["userid"], s["name"]) for s in corp["staff"].values()] + rows
    links = [
        {"name": name, "url": "?" + urlencode({**request.args.to_dict(), key: value})}
        for key, value, name in rows[:200]
    ]
    name = corp["name"] if corp is not None else account["name"] if account else appid
    return render_template("oauth.html", name=name, people=links)


def _back(target: str, code: str) -> AnyResponse:
    query = urlencode({"code": code, "state": request.args.get("state", "")})
    bare, _, fragment = target.partition("#")
    joined = bare + ("&" if "?" in bare else "?") + query
    return redirect(joined + (f"#{fragment}" if fragment else ""))
