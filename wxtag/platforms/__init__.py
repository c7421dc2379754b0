"""The platforms' calls that we use, and no others."""

from wxtag.platforms.clients import client, mini_program, official_account, wecom
from wxtag.platforms.codes import UnknownTag, advice
from wxtag.platforms.parallel import run_writes
from wxtag.platforms.wechat import MiniProgram, OfficialAccount
from wxtag.platforms.wecom import WeCom

__all__ = [
    "MiniProgram",
    "OfficialAccount",
    "UnknownTag",
    "WeCom",
    "advice",
    "client",
    "mini_program",
    "official_account",
    "run_writes",
    "wecom",
]
