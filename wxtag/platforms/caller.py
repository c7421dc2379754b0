"""Calls with the account's access token: refreshed once when it is refused, never in a loop."""

from collections.abc import Mapping
from typing import Any

from wxtag.errors import PlatformError
from wxtag.platforms import transport
from wxtag.platforms.codes import GIVE_UP, REFRESH, WAIT, no_answer
from wxtag.platforms.tokens import Tokens


class Caller:
    """Calls of one account. May be used by several threads."""

    def __init__(self, base: str, tokens: Tokens, secrets: tuple[str, ...]) -> None:
        self.base, self.tokens = base, tokens
        self._platform = tokens.platform
        self._secrets = tuple(secret for secret in secrets if secret)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET with the token. Parameters without a value are left out. Raises PlatformError."""
        return self._with_token("GET", path, query, None)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """POST with the token. Empty optional keys are left out. Raises PlatformError."""
        return self._with_token("POST", path, {}, body)

    def get_without_token(self, path: str, **query: Any) -> dict[str, Any]:
        """GET that names itself by what is in the query. Raises PlatformError."""
        secrets = (*self._secrets, str(query.get("access_token", "")))
        try:
            return transport.call(
                self._platform, self.base, "GET", path, _given(query), None, [one for one in secrets if one]
            )
        except PlatformError as error:
            if error.action != REFRESH:
                raise
            # The refused token is a person's: only that person can give another one.
            failed = error
        raise PlatformError(failed.code, failed.text, GIVE_UP, 0.0, failed.api)

    def _with_token(
        self, method: str, path: str, query: Mapping[str, Any], body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        token = self.tokens.current()
        try:
            answer = self._once(token, method, path, query, body)
        except PlatformError as error:
            if error.action != REFRESH:
                raise
            code = error.code
        else:
            self.tokens.worked(token)
            return answer
        token = self.tokens.renew(token, code)
        try:
            answer = self._once(token, method, path, query, body)
        except PlatformError as error:
            if error.action != REFRESH:
                raise
            failed = error
        else:
            self.tokens.worked(token)
            return answer
        # A token that is refused at once is trouble of the platform or of the binding; another one now
        # would be refused too. When it goes on, renewing is stopped for a minute (tokens.py).
        raise PlatformError(failed.code, failed.text, WAIT, 5.0, failed.api)

    def _once(
        self, token: str, method: str, path: str, query: Mapping[str, Any], body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        return transport.call(
            self._platform,
            self.base,
            method,
            path,
            {"access_token": token, **_given(query)},
            None if body is None else _given(body),
            (*self._secrets, token),
        )


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty: WeCom refuses an optional key that holds an empty text."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [])}


def listed(answer: Mapping[str, Any], name: str, api: str) -> list[Any]:
    """A list of the answer; absent means empty. Raises PlatformError when it is something else."""
    value = answer.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise no_answer(api, f"平台应答中的 {name} 不是列表，稍后自动重试")
    return value


def part(answer: Mapping[str, Any], name: str, api: str) -> dict[str, Any]:
    """An object of the answer. Raises PlatformError when it is not there."""
    value = answer.get(name)
    if not isinstance(value, dict):
        raise no_answer(api, f"平台应答中没有 {name}，稍后自动重试")
    return value
