"""From a bound account to the client that speaks for it."""

from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.platforms.caller import Caller
from wxtag.platforms.tokens import Tokens
from wxtag.platforms.wechat import MiniProgram, OfficialAccount
from wxtag.platforms.wecom import WeCom


def client(account: BoundAccount) -> WeCom | OfficialAccount | MiniProgram:
    """The client of the account's kind. Cheap: make one whenever one is needed."""
    if account.kind == "wecom":
        return wecom(account)
    if account.kind == "official_account":
        return official_account(account)
    return mini_program(account)


def wecom(account: BoundAccount) -> WeCom:
    return WeCom(account, _caller(account))


def official_account(account: BoundAccount) -> OfficialAccount:
    return OfficialAccount(account, _caller(account))


def mini_program(account: BoundAccount) -> MiniProgram:
    return MiniProgram(account, _caller(account))


def _caller(account: BoundAccount) -> Caller:
    here = core()
    base = here.settings.wecom_api_url if account.kind == "wecom" else here.settings.wechat_api_url
    secrets = (account.secret, account.token, account.aes_key, account.previous_aes_key)
    return Caller(base, Tokens(account, base, here.redis, here.sealer), secrets)
