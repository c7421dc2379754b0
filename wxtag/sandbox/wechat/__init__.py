"""The WeChat interfaces under /wechat-api, and the page where a user authorises a web page."""

from flask import Blueprint, Response

from wxtag.sandbox.core import the_sandbox
from wxtag.sandbox.gate import answer
from wxtag.sandbox.wechat import (  # noqa: F401  (the modules fill the table)
    blacklist,
    fans,
    mini,
    notices,
    qrcodes,
    quota,
    sending,
    sns,
    tags,
    tokens,
)
from wxtag.sandbox.wechat.gate import CONTENT_TYPE, check, failed, wechat_api

wechat = Blueprint("wechat", __name__)


@wechat.route("/wechat-api/<path:name>", methods=["GET", "POST", "PUT", "DELETE"])
def call(name: str) -> Response:
    api = wechat_api.apis.get(name.removeprefix("cgi-bin/"))
    known_elsewhere = api is not None and name.startswith(("cgi-bin/", "sns/", "wxa/"))
    if api is None or not known_elsewhere:
        return Response(status=404)
    return answer(the_sandbox(), "wechat", api, check, failed, CONTENT_TYPE)
