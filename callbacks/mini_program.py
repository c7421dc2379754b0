"""The door of the mini-programs: the Official Accounts' scheme, in XML or JSON.

https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
"""

from flask import Blueprint, Response

from callbacks.gate import Gate


def door(gate: Gate) -> Blueprint:
    """GET verifies the address, POST brings a message; `success` means: taken, no passive reply."""
    blueprint = Blueprint("mini_program_door", __name__)

    @blueprint.get("/callbacks/mini-program/<appid>")
    def verify(appid: str) -> Response:
        return gate.verify("mini_program", appid)

    @blueprint.post("/callbacks/mini-program/<appid>")
    def receive(appid: str) -> Response:
        return gate.receive("mini_program", appid, answer="success")

    return blueprint
