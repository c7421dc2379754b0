"""The door of the WeCom corps: always encrypted; an app has an address of its own, or shares its corp's.

https://developer.work.weixin.qq.com/document/path/90930
"""

from flask import Blueprint, Response

from callbacks.gate import Gate


def door(gate: Gate) -> Blueprint:
    """GET verifies the address, POST brings an event; an empty answer means: taken."""
    blueprint = Blueprint("wecom_door", __name__)

    @blueprint.get("/callbacks/wecom/<corpid>", defaults={"agentid": None})
    @blueprint.get("/callbacks/wecom/<corpid>/<agentid>")
    def verify(corpid: str, agentid: str | None) -> Response:
        return gate.verify("wecom", corpid, agentid)

    @blueprint.post("/callbacks/wecom/<corpid>", defaults={"agentid": None})
    @blueprint.post("/callbacks/wecom/<corpid>/<agentid>")
    def receive(corpid: str, agentid: str | None) -> Response:
        return gate.receive("wecom", corpid, agentid, answer="")

    return blueprint
