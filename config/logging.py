"""The log of a process: lines for a person, or JSON for a machine; never a secret."""

import json
import logging
import re
import sys
from typing import Any, TextIO

from config.settings import Settings

# What a library may put into a line although it is nobody's business: tokens in the platforms' addresses,
# passwords in database addresses.
SECRET_PARAMETERS = re.compile(
    r"((?:access_token|refresh_token|component_access_token|suite_access_token|corpsecret|secret|session_key"
    r"|js_code|ticket|signature|msg_signature|code)=)[^&\s\"']+",
    re.IGNORECASE,
)
URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+(@)")
# Every attribute of a plain record; what is there beside them came by `extra=`.
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def setup(settings: Settings, process_name: str, stream: TextIO | None = None) -> None:
    """Sends the log of this process to stderr (or `stream`), from INFO on, in the format that is set.

    Calling it again replaces what was set up before.
    """
    output = logging.StreamHandler(stream or sys.stderr)
    form: logging.Formatter = _Json(process_name) if settings.log_format == "json" else _Text(process_name)
    output.setFormatter(form)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(output)
    root.setLevel(logging.INFO)
    # These tell of every connection and every migration step at INFO: noise for an operator.
    for name in ("urllib3", "alembic", "rq", "werkzeug"):
        logging.getLogger(name).setLevel(logging.WARNING)


def without_secrets(text: str) -> str:
    """The text with the values of secret parameters replaced by ***."""
    return URL_PASSWORD.sub(r"\1***\2", SECRET_PARAMETERS.sub(r"\1***", text))


class _Text(logging.Formatter):
    """`2026-11-22 05:01:07 INFO web wxtag.push: 3 relations pushed`"""

    def __init__(self, process_name: str) -> None:
        form = f"%(asctime)s %(levelname)s {process_name.replace('%', '%%')} %(name)s: %(message)s"
        super().__init__(form, datefmt="%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _Json(logging.Formatter):
    """One JSON object a line; Chinese stays readable."""

    def __init__(self, process_name: str) -> None:
        super().__init__()
        self.process_name = process_name

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "process": self.process_name,
            "logger": record.name,
            "text": without_secrets(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = without_secrets(self.formatException(record.exc_info))
        for name in sorted(set(vars(record)) - STANDARD):
            value = getattr(record, name)
            line[name] = without_secrets(value) if isinstance(value, str) else value
        return json.dumps(line, ensure_ascii=False, default=str)
