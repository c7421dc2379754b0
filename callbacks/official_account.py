"""The door of the Official Accounts: messages and events as XML, plain, compatible or safe.

https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html
"""

from flask import Blueprint, Response

from callbacks.gate import Gate


def door(gate: Gate) -> Blueprint:
    """GET verifies the address, POST brings a message; `success` means: taken, no passive reply."""
    blueprint = Blueprint("official_account_door", __name__)

    @blueprint.get("/callbacks/official-account/<appid>")
    def verify(appid: str) -> Response:
        return gate.verify("official_account", appid)

    @blueprint.post("/callbacks/official-account/<appid>")
    def receive(appid: str) -> Response:
        return gate.receive("official_account", appid, answer="success")

    return blueprint
