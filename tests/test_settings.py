"""What an operator may set, what each setting becomes, and how a wrong one is refused."""

import json
import stat
import threading
from pathlib import Path

import pytest

from config import Settings, SettingsError, load

KEY = "k" * 32
MYSQL = "mysql+pymysql://wxtag:sesame@db/wxtag?charset=utf8mb4"


def test_nothing_set_is_the_embedded_edition_in_var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load({})
    assert settings.data_dir == tmp_path / "var"
    assert settings.database_url == f"sqlite:///{tmp_path}/var/wxtag.sqlite"
    assert settings.redis_url == f"unix://{tmp_path}/var/redis/redis.sock"
    assert (settings.timezone, settings.inbox_days, settings.callback_max_age) == ("Asia/Shanghai", 90, 3600)
    assert settings.wechat_api_url == "https://api.weixin.qq.com"
    assert settings.wecom_api_url == "https://qyapi.weixin.qq.com"
    assert not settings.sandbox


def test_only_our_prefix_is_read(tmp_path: Path) -> None:
    settings = load(
        {"WXTAG_DATA_DIR": str(tmp_path), "INBOX_DAYS": "1", "TIMEZONE": "UTC", "XWXTAG_FOO": "1"}
    )
    assert settings.inbox_days == 90
    assert settings.timezone == "Asia/Shanghai"


def test_every_setting_is_read(tmp_path: Path) -> None:
    given = {
        "DATABASE_URL": MYSQL,
        "REDIS_URL": "rediss://:pw@redis:6379/1",
        "SECRET_KEY": KEY,
        "SANDBOX": "off",
        "WECHAT_API_URL": "https://wechat.example.com/",
        "WECOM_API_URL": "https://wecom.example.com",
        "OPEN_PLATFORM_APPID": "wx0123456789abcdef",
        "OPEN_PLATFORM_SECRET": "s",
        "OPEN_PLATFORM_TOKEN": "t",
        "OPEN_PLATFORM_AES_KEY": "a",
        "TIMEZONE": "Asia/Urumqi",
        "PUBLIC_URL": "https://tags.example.com/",
        "TRUSTED_PROXIES": "2",
        "DATA_DIR": str(tmp_path),
        "INBOX_DAYS": "0",
        "CALLBACK_MAX_AGE": "0",
        "WECOM_PARALLEL": "5",
        "LOCATION_DATUM": "wgs84",
        "LOG_FORMAT": "json",
    }
    settings = load({"WXTAG_" + name: text for name, text in given.items()})
    assert settings == Settings(
        database_url=MYSQL,
        redis_url="rediss://:pw@redis:6379/1",
        secret_key=KEY,
        sandbox=False,
        wechat_api_url="https://wechat.example.com",
        wecom_api_url="https://wecom.example.com",
        open_platform_appid="wx0123456789abcdef",
        open_platform_secret="s",
        open_platform_token="t",
        open_platform_aes_key="a",
        timezone="Asia/Urumqi",
        public_url="https://tags.example.com",
        trusted_proxies=2,
        data_dir=tmp_path,
        inbox_days=0,
        callback_max_age=0,
        wecom_parallel=5,
        location_datum="wgs84",
        log_format="json",
    )
    assert settings.zone.key == "Asia/Urumqi"
    assert not settings.sqlite


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("WXTAG_DATABSE_URL", "WXTAG_DATABASE_URL"),
        ("WXTAG_SECRETKEY", "WXTAG_SECRET_KEY"),
        ("WXTAG_TIME_ZONE", "WXTAG_TIMEZONE"),
        ("WXTAG_CALLBACKS_MAX_AGE", "WXTAG_CALLBACK_MAX_AGE"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not a setting of wxtag; did you mean {nearest}\\?"):
        load({name: "x"})


def test_a_name_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(SettingsError, match=r"WXTAG_QQQQQQQQQQQQ is not a setting of wxtag$"):
        load({"WXTAG_QQQQQQQQQQQQ": "x"})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("SANDBOX", "yes", "expected on or off"),
        ("INBOX_DAYS", "-1", "whole number"),
        ("INBOX_DAYS", "9.5", "whole number"),
        ("INBOX_DAYS", "²", "whole number"),
        ("CALLBACK_MAX_AGE", "1h", "whole number"),
        ("TRUSTED_PROXIES", "all", "whole number"),
        ("WECOM_PARALLEL", "0", "1 to 5"),
        ("WECOM_PARALLEL", "6", "1 to 5"),
        ("TIMEZONE", "Shanghai", "not a time zone"),
        ("TIMEZONE", "../../etc/passwd", "not a time zone"),
        ("PUBLIC_URL", "tags.example.com", "expected an address"),
        ("WECHAT_API_URL", "ftp://example.com", "expected an address"),
        ("WECOM_API_URL", "http://[::1", "expected an address"),
        ("WECOM_API_URL", "http://host:99999", "expected an address"),
        ("SECRET_KEY", "short", "5 characters: at least 32"),
        ("DATABASE_URL", "postgresql://u:sesame@db/x", "begins with postgresql://"),
        ("DATABASE_URL", "wxtag:sesame@db/wxtag", "is no URL"),
        ("DATABASE_URL", "mysql://u:sesame@db/x", "expected sqlite:/// or mysql\\+pymysql://"),
        ("REDIS_URL", "sesame@localhost:6379", "is no URL"),
        ("LOCATION_DATUM", "bd09", "expected gcj02 or wgs84"),
        ("LOG_FORMAT", "xml", "expected text or json"),
    ],
)
def test_a_value_that_cannot_be_used_names_the_setting_and_the_mend(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        load({"WXTAG_" + name: text})
    assert f"WXTAG_{name} " in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_an_empty_value_is_as_good_as_none(tmp_path: Path) -> None:
    assert load({"WXTAG_DATA_DIR": str(tmp_path), "WXTAG_INBOX_DAYS": ""}).inbox_days == 90


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    given = {"WXTAG_DATA_DIR": str(tmp_path), "WXTAG_SECRET_KEY_FILE": str(tmp_path / "key")}
    assert load(given).secret_key == KEY
    with pytest.raises(SettingsError, match="both set: keep one"):
        load({**given, "WXTAG_SECRET_KEY": KEY})
    with pytest.raises(SettingsError, match=r"WXTAG_SECRET_KEY_FILE: cannot read .*nowhere: No such file"):
        load({"WXTAG_SECRET_KEY_FILE": str(tmp_path / "nowhere")})


def test_production_needs_a_secret_key_and_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"WXTAG_SECRET_KEY is not set.*token_urlsafe"):
        load({"WXTAG_DATABASE_URL": MYSQL, "WXTAG_DATA_DIR": str(tmp_path)})
    assert not (tmp_path / "secret_key").exists()


def test_the_embedded_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    keys: list[str] = []
    start = threading.Barrier(8)

    def look() -> None:
        start.wait()
        keys.append(load({"WXTAG_DATA_DIR": str(tmp_path / "var")}).secret_key)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 32
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]


def test_an_emptied_key_file_is_refused_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(SettingsError, match="put the file back from a backup"):
        load({"WXTAG_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize(
    ("wechat", "wecom"),
    [
        (None, None),
        ("http://127.0.0.1:8001/wechat-api", None),
        (None, "http://127.0.0.1:8001/wecom-api"),
        ("http://127.0.0.1:8001/wechat-api", "https://QYAPI.weixin.qq.com:443/"),
        ("https://sh.api.weixin.qq.com", "http://127.0.0.1:8001/wecom-api"),
    ],
)
def test_the_sandbox_refuses_to_start_beside_a_real_platform(
    tmp_path: Path, wechat: str | None, wecom: str | None
) -> None:
    given = {"WXTAG_DATA_DIR": str(tmp_path), "WXTAG_SANDBOX": "on"}
    given |= {"WXTAG_WECHAT_API_URL": wechat} if wechat else {}
    given |= {"WXTAG_WECOM_API_URL": wecom} if wecom else {}
    with pytest.raises(SettingsError, match=r"WXTAG_SANDBOX is on, but WXTAG_.* is the real platform"):
        load(given)


def test_a_command_in_another_terminal_talks_to_the_sandbox_that_runs(tmp_path: Path) -> None:
    told = {
        "WXTAG_SANDBOX": "on",
        "WXTAG_WECHAT_API_URL": "http://127.0.0.1:8003/wechat-api",
        "WXTAG_WECOM_API_URL": "http://127.0.0.1:8003/wecom-api",
    }
    (tmp_path / "embedded.json").write_text(json.dumps({"settings": told, "other": 1}))
    settings = load({"WXTAG_DATA_DIR": str(tmp_path)})
    assert settings.sandbox
    assert settings.wecom_api_url == "http://127.0.0.1:8003/wecom-api"
    own = {"WXTAG_DATABASE_URL": MYSQL, "WXTAG_SECRET_KEY": KEY, "WXTAG_DATA_DIR": str(tmp_path)}
    assert load(own).wecom_api_url == "https://qyapi.weixin.qq.com"
    off = load({"WXTAG_SANDBOX": "off", "WXTAG_DATA_DIR": str(tmp_path)})
    assert (off.sandbox, off.wecom_api_url) == (False, "https://qyapi.weixin.qq.com")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"settings": 3}', '{"settings": {"WXTAG_NEVER": "1"}}'])
def test_a_broken_memory_of_the_embedded_edition_is_no_setting(tmp_path: Path, text: str) -> None:
    (tmp_path / "embedded.json").write_text(text)
    assert not load({"WXTAG_DATA_DIR": str(tmp_path)}).sandbox


def test_settings_never_show_a_secret(tmp_path: Path) -> None:
    shown = repr(
        Settings(
            database_url=MYSQL,
            redis_url="redis://:sesame@redis/0",
            secret_key="sesame",
            open_platform_secret="sesame",
            open_platform_token="sesame",
            open_platform_aes_key="sesame",
        )
    )
    assert "sesame" not in shown
