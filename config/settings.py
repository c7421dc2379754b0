"""The settings, read once from WXTAG_* and checked."""

import contextlib
import difflib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

WECHAT = "https://api.weixin.qq.com"
OPEN = "https://open.weixin.qq.com"
WECOM = "https://qyapi.weixin.qq.com"
PREFIX = "WXTAG_"
REAL_PLATFORM = "weixin.qq.com"
SECRET_KEY_LENGTH = 32


class SettingsError(Exception):
    """A setting that cannot be used: which one, what it was, what it should be."""


@dataclass(frozen=True)
class Settings:
    """Every setting; `docs/settings.md` explains each one to an operator."""

    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    sandbox: bool = False
    wechat_api_url: str = WECHAT
    wecom_api_url: str = WECOM
    open_platform_appid: str = ""
    open_platform_secret: str = field(default="", repr=False)
    open_platform_token: str = field(default="", repr=False)
    open_platform_aes_key: str = field(default="", repr=False)
    timezone: str = "Asia/Shanghai"
    public_url: str = ""
    trusted_proxies: int = 0
    data_dir: Path = Path("var")
    inbox_days: int = 90
    callback_max_age: int = 3600
    wecom_parallel: int = 4
    location_datum: str = "gcj02"
    log_format: str = "text"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def wechat_authorise_url(self) -> str:
        """WeChat's page where a visitor's browser is sent; where calls go to a sandbox, that one's page."""
        host = _web_host(self.wechat_api_url)
        real = host == REAL_PLATFORM or host.endswith("." + REAL_PLATFORM)
        return (OPEN if real else self.wechat_api_url) + "/connect/oauth2/authorize"

    @property
    def sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


# What an operator may write -> the field; the names are the contract's.
NAMES = {PREFIX + f.name.upper(): f.name for f in fields(Settings)}

# Where one of these is set, somebody decided for themselves what this process talks to.
OF_A_SERVER = {"WXTAG_DATABASE_URL", "WXTAG_SANDBOX", "WXTAG_WECHAT_API_URL", "WXTAG_WECOM_API_URL"}


SCHEMES = {
    "database_url": ("sqlite:///", "mysql+pymysql://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises SettingsError, which names the setting and the mend."""
    given = _given(os.environ if environ is None else environ)
    data_dir = Path(given.get("WXTAG_DATA_DIR", "var")).absolute()
    if not OF_A_SERVER & given.keys():
        given = {**_embedded(data_dir), **given}
    values: dict[str, object] = {}
    for name, text in given.items():
        values[NAMES[name]] = _convert(name, text)
    values["data_dir"] = data_dir
    embedded = bool(values.get("sandbox")) or "database_url" not in values
    values.setdefault("database_url", f"sqlite:///{data_dir / 'wxtag.sqlite'}")
    values.setdefault("redis_url", _bundled_redis(data_dir))
    if not values.get("secret_key"):
        if not embedded:
            raise SettingsError(
                "WXTAG_SECRET_KEY is not set: with a database of your own, set it to at least 32 random "
                "characters (python -c 'import secrets; print(secrets.token_urlsafe(32))')"
            )
        values["secret_key"] = _embedded_secret(data_dir)
    if values.get("sandbox"):
        _no_real_platform(values)
    return Settings(**values)  # type: ignore[arg-type]


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """Our names and their texts, files read; an unknown name is refused with the nearest known one."""
    given: dict[str, str] = {}
    for name in sorted(n for n in environ if n.startswith(PREFIX)):
        plain, from_file = name, False
        if name.endswith("_FILE") and name.removesuffix("_FILE") in NAMES:
            plain, from_file = name.removesuffix("_FILE"), True
        if plain not in NAMES:
            near = difflib.get_close_matches(plain, NAMES, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"{name} is not a setting of wxtag{hint}")
        if from_file:
            if plain in environ:
                raise SettingsError(f"{plain} and {name} are both set: keep one of them")
            try:
                given[plain] = Path(environ[name]).read_text().strip()
            except OSError as error:
                raise SettingsError(f"{name}: cannot read {environ[name]}: {error.strerror}") from error
        elif environ[name] != "":
            given[plain] = environ[name]
    return given


def _convert(name: str, text: str) -> object:
    """The text of one setting as its type."""
    field_name = NAMES[name]
    if field_name == "sandbox":
        if text.lower() not in ("on", "off"):
            raise SettingsError(f"{name} is {text!r}: expected on or off")
        return text.lower() == "on"
    if field_name in ("trusted_proxies", "inbox_days", "callback_max_age", "wecom_parallel"):
        if not (text.isascii() and text.isdigit()):
            raise SettingsError(f"{name} is {text!r}: expected a whole number, 0 or more")
        if field_name == "wecom_parallel" and not 1 <= int(text) <= 5:
            raise SettingsError(f"{name} is {text}: WeCom allows at most 5 calls in flight, so 1 to 5")
        return int(text)
    if field_name == "timezone":
        try:
            ZoneInfo(text)
        except (KeyError, ValueError, OSError) as error:
            raise SettingsError(f"{name} is {text!r}: not a time zone (like Asia/Shanghai)") from error
    if field_name.endswith("_url") and field_name not in ("database_url", "redis_url"):
        if not _web_host(text):
            raise SettingsError(f"{name} is {text!r}: expected an address like https://example.com")
        return text.rstrip("/")
    if field_name == "location_datum" and text not in ("gcj02", "wgs84"):
        raise SettingsError(f"{name} is {text!r}: expected gcj02 or wgs84")
    if field_name == "secret_key" and len(text) < SECRET_KEY_LENGTH:
        raise SettingsError(f"{name} has {len(text)} characters: at least {SECRET_KEY_LENGTH} are needed")
    if field_name in SCHEMES and not text.startswith(SCHEMES[field_name]):
        # Only the scheme is shown: a password may follow it.
        found = f"begins with {text.split('://')[0]}://" if "://" in text else "is no URL"
        raise SettingsError(f"{name} {found}: expected {' or '.join(SCHEMES[field_name])}")
    if field_name == "log_format" and text not in ("text", "json"):
        raise SettingsError(f"{name} is {text!r}: expected text or json")
    return text


def _embedded(data_dir: Path) -> dict[str, str]:
    """What the embedded edition runs with on this folder (see config/embedded_ground.py).

    So a command in another terminal asks the sandbox, and never the real platforms in its place.
    """
    try:
        found = json.loads((data_dir / "embedded.json").read_text(encoding="utf-8"))
        return {name: str(text) for name, text in found.get("settings", {}).items() if name in NAMES}
    except (OSError, ValueError, AttributeError):
        return {}


def _bundled_redis(data_dir: Path) -> str:
    return f"unix://{quote(str(data_dir / 'redis' / 'redis.sock'))}"


def _embedded_secret(data_dir: Path) -> str:
    """The embedded edition's own key: made once, readable by its owner alone.

    Whoever comes first makes it, whole: nobody ever reads half a key, and a kill leaves none behind.
    """
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(dir=data_dir, prefix=".secret_key")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)  # unlike a rename it never replaces the key of who was faster
        finally:
            Path(fresh).unlink()
    key = path.read_text().strip()
    if len(key) < SECRET_KEY_LENGTH:
        raise SettingsError(
            f"{path} holds {len(key)} characters, and what is in the database was sealed with a longer key: "
            "put the file back from a backup, or set WXTAG_SECRET_KEY"
        )
    return key


def _no_real_platform(values: Mapping[str, object]) -> None:
    """The sandbox plays the platforms: beside real ones it would mix invented people with real ones."""
    for name, default in (("wechat_api_url", WECHAT), ("wecom_api_url", WECOM)):
        url = str(values.get(name, default))
        host = _web_host(url)
        if host == REAL_PLATFORM or host.endswith("." + REAL_PLATFORM):
            raise SettingsError(
                f"WXTAG_SANDBOX is on, but {PREFIX}{name.upper()} is the real platform ({url}): "
                "set both platform URLs to the sandbox, or turn the sandbox off"
            )


def _web_host(url: str) -> str:
    """The host of an http or https address in lower case; "" when it is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return ""
    return (parts.hostname or "") if usable else ""
