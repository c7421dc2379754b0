"""One access token for each account and app, shared by all processes in Redis, fetched by one of them."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter
from redis import Redis
from redis.exceptions import LockError, RedisError

from wxtag import clock
from wxtag.accounts import BoundAccount
from wxtag.errors import PlatformError, Unavailable
from wxtag.platforms import transport
from wxtag.platforms.codes import REFRESH, TELL_ADMIN, WAIT, WECHAT, WECOM, advice, no_answer
from wxtag.sealing import SealBroken, Sealer, keyed_hash

EARLY_MS = 300_000
"""A token is renewed this long before it ends."""
HOLD_MS = 30_000
"""A new token is kept at least this long: near its end a platform may hand out the same one again."""
LOCK_SECONDS = 40
"""Longer than a fetch may take; frees the lock of a process that died while fetching."""
PATIENCE_SECONDS = 25.0
POLL_SECONDS = 0.05
REFUSAL_SECONDS = 60
"""How long a refused secret is not tried again: WeCom blocks an address that insists, for an hour."""
NO_ANSWER_SECONDS = 5
RENEWALS_A_MINUTE = 5
"""Of tokens that never worked: the platform or the binding is in trouble, and asking more does not help."""
RENEWALS_OF_GOOD_ONES = 60
"""A minute, of tokens that worked and then were refused: a platform may take them back at any time."""
FORCE_SECONDS = 24 * 3600 // 20
"""WeChat allows 20 forced refreshes a day, and wants 30 s between two."""

# The last token that worked, by account; of this process.
_good: dict[str, str] = {}

REFRESHES = Counter("wxtag_token_refreshes_total", "Access tokens asked for", ["platform", "result"])


@dataclass(frozen=True)
class Token:
    """A token and its times (epoch ms)."""

    value: str = field(repr=False)
    fetched_at: int
    expires_at: int

    @property
    def renew_at(self) -> int:
        return min(self.expires_at, max(self.expires_at - EARLY_MS, self.fetched_at + HOLD_MS))


class Tokens:
    """The access token of one account."""

    def __init__(self, account: BoundAccount, base: str, redis: "Redis", sealer: Sealer) -> None:
        self._account, self._base, self._redis, self._sealer = account, base, redis, sealer
        self.platform = WECOM if account.kind == "wecom" else WECHAT
        self.api = "gettoken" if account.kind == "wecom" else "stable_token"
        # Another secret, or another platform address, is another token.
        mark = keyed_hash(sealer.signing_key, "platform token", base, account.secret)[:32]
        self.key = f"wxtag:token:{account.kind}:{account.key}:{account.agentid}:{mark}"

    def current(self) -> str:
        """A token that is good for some minutes. Raises PlatformError; Unavailable without Redis."""
        return self._get(None, None)

    def renew(self, failed: str, code: int | None) -> str:
        """Another token than `failed`, which the platform refused with `code`.

        Asks the platform only when nobody else has done so already, and then once.
        """
        return self._get(failed, code)

    def worked(self, token: str) -> None:
        """The platform took this token."""
        _good[self.key] = token

    def anew(self) -> str:
        """A token that the platform gave just now, whatever is kept: for testing a binding."""
        try:
            with self._lock(blocking_timeout=PATIENCE_SECONDS):
                return self._fetch(None, None)
        except RedisError as error:
            raise _without_redis(error) from error

    def _lock(self, **more: Any) -> Any:
        return self._redis.lock(self.key + ":lock", timeout=LOCK_SECONDS, **more)

    def _get(self, failed: str | None, code: int | None) -> str:
        try:
            return self._wait_or_fetch(failed, code)
        except RedisError as error:
            raise _without_redis(error) from error

    def _wait_or_fetch(self, failed: str | None, code: int | None) -> str:
        deadline = clock.monotonic() + PATIENCE_SECONDS
        while True:
            token = self._usable(failed)
            if token is not None and clock.now() < token.renew_at:
                return token.value
            lock = self._lock()
            if lock.acquire(blocking=False):
                try:
                    token = self._usable(failed)
                    if token is not None and clock.now() < token.renew_at:
                        return token.value  # came while we took the lock
                    return self._fetch_or(token, failed, code)
                finally:
                    _release(lock)
            if token is not None:
                return token.value
            if clock.monotonic() > deadline:
                raise no_answer(self.api, "另一个进程正在获取 access_token，等候超时，稍后自动重试")
            clock.sleep(POLL_SECONDS)

    def _usable(self, failed: str | None) -> Token | None:
        """The shared token, unless it has ended or is the one that failed."""
        token = self._stored()
        if token is None or token.value == failed or clock.now() >= token.expires_at:
            return None
        return token

    def _fetch_or(self, spare: Token | None, failed: str | None, code: int | None) -> str:
        """A new token; while the old one still works, trouble with renewing it early is nobody's trouble."""
        try:
            self._raise_known_refusal()
            if failed is not None:
                self._count_renewal(failed, code)
            return self._fetch(failed, code)
        except PlatformError:
            if spare is None:
                raise
            return spare.value

    def _fetch(self, failed: str | None, code: int | None) -> str:
        try:
            answer = self._ask(failed, code)
            value, seconds = answer.get("access_token"), answer.get("expires_in")
            if not isinstance(value, str) or not value or not str(seconds).isdigit() or int(str(seconds)) < 1:
                raise no_answer(self.api, "平台的应答中没有 access_token 和 expires_in，稍后自动重试")
        except PlatformError as error:
            if error.action == REFRESH:
                # WeChat says 40001 here for a wrong secret: there is nothing to refresh a secret with.
                wrong = advice(WECHAT, 40125)
                error = PlatformError(error.code, f"{wrong}（{error.text}）", TELL_ADMIN, 0.0, self.api)
            REFRESHES.labels(self.platform, "no_answer" if error.code is None else error.action).inc()
            self._remember(error)
            raise error from None
        REFRESHES.labels(self.platform, "ok").inc()
        now = clock.now()
        token = Token(value, now, now + int(str(seconds)) * 1000)
        self._store(token)
        return token.value

    def _ask(self, failed: str | None, code: int | None) -> Mapping[str, Any]:
        """developer.work.weixin.qq.com/document/path/91039;
        developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.html"""
        account = self._account
        hide = (account.secret,)
        if account.kind == "wecom":
            query = {"corpid": account.appid, "corpsecret": account.secret}
            return transport.call(self.platform, self._base, "GET", "/cgi-bin/gettoken", query, None, hide)
        body = {
            "grant_type": "client_credential",
            "appid": account.appid,
            "secret": account.secret,
            "force_refresh": False,
        }
        path = "/cgi-bin/stable_token"
        answer = transport.call(self.platform, self._base, "POST", path, {}, body, hide)
        if code == 40001 and answer.get("access_token") == failed and self._may_force():
            # WeChat insists on a token that it refuses: only force gets another one.
            body["force_refresh"] = True
            answer = transport.call(self.platform, self._base, "POST", path, {}, body, hide)
        return answer

    def _may_force(self) -> bool:
        return bool(self._redis.set(self.key + ":forced", "1", nx=True, ex=FORCE_SECONDS))

    def _count_renewal(self, failed: str, code: int | None) -> None:
        """A platform that refuses every new token must not be asked for a new one with every call."""
        good = _good.get(self.key) == failed
        key = self.key + (":renewals-of-good-ones" if good else ":renewals")
        count = int(self._redis.incr(key))
        if count == 1:
            self._redis.expire(key, 60)
        if count > (RENEWALS_OF_GOOD_ONES if good else RENEWALS_A_MINUTE):
            text = "平台一再拒绝刚获取的 access_token，一分钟后自动重试；若一直如此，请检查账号绑定"
            raise PlatformError(code, text, WAIT, 60.0, self.api)

    def _stored(self) -> Token | None:
        sealed = self._redis.get(self.key)
        if not isinstance(sealed, bytes):
            return None
        try:
            value, fetched_at, expires_at = json.loads(self._sealer.open(sealed.decode(), self.key))
            return Token(value, fetched_at, expires_at)
        except (SealBroken, ValueError, IndexError):
            return None  # sealed with a key that is gone, or not by us: fetch a new one

    def _store(self, token: Token) -> None:
        text = json.dumps([token.value, token.fetched_at, token.expires_at])
        lifetime = token.expires_at - token.fetched_at
        self._redis.set(self.key, self._sealer.seal(text, self.key), px=lifetime)
        self._redis.delete(self.key + ":refused")

    def _remember(self, error: PlatformError) -> None:
        """So that those who waited for this fetch do not each make the same one."""
        longest = NO_ANSWER_SECONDS if error.code is None else REFUSAL_SECONDS
        seconds = REFUSAL_SECONDS if error.permanent else min(max(error.wait, 1.0), longest)
        known = json.dumps([error.code, error.text, error.action, error.wait, error.api])
        self._redis.set(self.key + ":refused", known, px=int(seconds * 1000))

    def _raise_known_refusal(self) -> None:
        known = self._redis.get(self.key + ":refused")
        if isinstance(known, bytes):
            raise PlatformError(*json.loads(known))


def _without_redis(error: RedisError) -> Unavailable:
    return Unavailable(
        f"no access token without Redis ({type(error).__name__}): start it, or check WXTAG_REDIS_URL"
    )


def _release(lock: Any) -> None:
    with contextlib.suppress(LockError):  # took longer than LOCK_SECONDS: another one holds it now
        lock.release()
