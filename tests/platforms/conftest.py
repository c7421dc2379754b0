"""A scripted platform, the core that calls it, and one account of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from redis import Redis

from config import Settings
from tests.conftest import SECRET_KEY
from tests.platforms.scripted import Platform
from wxtag.accounts import BoundAccount
from wxtag.app import create_core
from wxtag.platforms import MiniProgram, OfficialAccount, WeCom, mini_program, official_account, wecom

SECRET = "demoSecret-0123456789abcdef"


def account(kind: str, appid: str, **changes: object) -> BoundAccount:
    values: dict[str, object] = {
        "id": 1,
        "company_id": 1,
        "kind": kind,
        "appid": appid,
        "key": appid.lower() if kind == "wecom" else appid,
        "agentid": 1000002 if kind == "wecom" else 0,
        "name": "小满茶铺",
        "open_platform": "",
        "mode": "safe",
        "format": "xml",
        "secret": SECRET,
        "token": "callbackToken01",
        "aes_key": "A" * 43,
    }
    return BoundAccount(**(values | changes))  # type: ignore[arg-type]


WECOM_ACCOUNT = account("wecom", "ww0Demo0000000001")
OFFICIAL = account("official_account", "wx00000000000000a1")
MINI = account("mini_program", "wx00000000000000b2")


@pytest.fixture
def platform() -> Iterator[Platform]:
    server = Platform()
    server.on("/cgi-bin/gettoken", {"errcode": 0, "access_token": "AT-first", "expires_in": 7200})
    server.on("/cgi-bin/stable_token", {"access_token": "AT-first", "expires_in": 7200})
    yield server
    server.stop()


@pytest.fixture
def here(platform: Platform, redis_url: str, tmp_path: Path) -> Iterator[APIFlask]:
    """The core, which takes the scripted server for both platforms."""
    redis = Redis.from_url(redis_url)
    redis.flushall()
    app = create_core(
        Settings(
            database_url=f"sqlite:///{tmp_path / 'db'}",
            redis_url=redis_url,
            secret_key=SECRET_KEY,
            data_dir=tmp_path,
            wechat_api_url=platform.url,
            wecom_api_url=platform.url,
            public_url="https://scrm.example.com",
        )
    )
    with app.app_context():
        yield app


@pytest.fixture
def corp(here: APIFlask) -> WeCom:
    return wecom(WECOM_ACCOUNT)


@pytest.fixture
def fans(here: APIFlask) -> OfficialAccount:
    return official_account(OFFICIAL)


@pytest.fixture
def mini(here: APIFlask) -> MiniProgram:
    return mini_program(MINI)
