"""The WeCom interfaces under /wecom-api/cgi-bin."""

from flask import Blueprint, Response

from wxtag.sandbox.core import the_sandbox
from wxtag.sandbox.gate import answer
from wxtag.sandbox.wecom import (  # noqa: F401  (the modules fill the table)
    chats,
    contacts,
    conversions,
    directory,
    identity,
    join_ways,
    library,
    marks,
    messages,
    strategies,
    tokens,
    transfers,
    ways,
)
from wxtag.sandbox.wecom.gate import CONTENT_TYPE, check, failed, wecom_api

wecom = Blueprint("wecom", __name__)


@wecom.route("/wecom-api/", defaults={"name": ""}, methods=["GET", "POST", "PUT", "DELETE"])
@wecom.route("/wecom-api/<path:name>", methods=["GET", "POST", "PUT", "DELETE"])
def call(name: str) -> Response:
    api = wecom_api.apis.get(name.removeprefix("cgi-bin/")) if name.startswith("cgi-bin/") else None
    if api is None:
        return Response(status=404)
    return answer(the_sandbox(), "wecom", api, check, failed, CONTENT_TYPE)
