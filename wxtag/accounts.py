"""An account as the rest of the program uses it: opened secrets that never show themselves."""

from dataclasses import dataclass, field

KINDS = ("wecom", "official_account", "mini_program")
CALLBACK_PATHS = {
    "wecom": "/callbacks/wecom/",
    "official_account": "/callbacks/official-account/",
    "mini_program": "/callbacks/mini-program/",
}


@dataclass(frozen=True)
class BoundAccount:
    """One account with its secrets opened. `repr` shows none of them."""

    id: int
    company_id: int
    kind: str
    """wecom, official_account or mini_program."""
    appid: str
    """The appid, or the corpid as it was given."""
    key: str
    """The same for comparing: a corpid folded to lower case."""
    agentid: int
    name: str
    open_platform: str
    mode: str
    """plain, compatible or safe."""
    format: str
    """xml or json."""
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    previous_aes_key: str = field(default="", repr=False)

    @property
    def callback_path(self) -> str:
        path = CALLBACK_PATHS[self.kind] + self.appid
        return f"{path}/{self.agentid}" if self.kind == "wecom" and self.agentid else path


def account_key(kind: str, appid: str) -> str:
    """The appid for comparing: WeCom compares a corpid without case, WeChat an appid with it."""
    return appid.lower() if kind == "wecom" else appid
