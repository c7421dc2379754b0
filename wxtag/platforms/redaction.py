"""Keeps tokens, secrets and codes out of every text that leaves the platform clients."""

import logging
import re
from collections.abc import Iterable

HIDDEN = "***"
_NAMES = (
    "access_token|corpsecret|appsecret|secret|js_code|code|refresh_token|session_key|user_ticket|suite_ticket"
)
# name=value of an address or form, and "name":"value" of a JSON text.
_IN_QUERY = re.compile(rf"(?i)([?&\s\"']|^)({_NAMES})=[^&\s\"'<>]+")
_IN_JSON = re.compile(rf"(?i)(\"(?:{_NAMES})\"\s*:\s*)\"[^\"]*\"")


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the given secrets, and without the values of parameters that carry one."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    text = _IN_QUERY.sub(rf"\1\2={HIDDEN}", text)
    return _IN_JSON.sub(rf'\1"{HIDDEN}"', text)


class AddressFilter(logging.Filter):
    """urllib3 writes whole addresses into its debug log, and the platforms take tokens in the address."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redacted(record.getMessage())
        record.args = None
        return True


def silence_addresses() -> None:
    """Puts the filter on the loggers of the HTTP library; once is enough, more often does no harm."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry", "requests"):
        logger = logging.getLogger(name)
        if not any(isinstance(one, AddressFilter) for one in logger.filters):
            logger.addFilter(AddressFilter())
