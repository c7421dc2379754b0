"""The few errors of the core: each one sentence for a person, and whether trying again helps."""


class WxtagError(Exception):
    """What went wrong, in words that say what was found, what was expected and what to do."""

    permanent = True


class InputError(WxtagError):
    """Somebody gave us something that we cannot take. `faults` names every place with its reason."""

    def __init__(self, message: str, faults: list[str] | None = None) -> None:
        super().__init__(message)
        self.faults = faults or []


class NotFound(WxtagError):
    """There is no such thing, or not for this company."""


class Refused(WxtagError):
    """A callback that is not from the platform, or not for us. `reason` is a short word for the counters."""

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason


class Malformed(Refused):
    """A callback whose sender may be right but whose content nobody can read."""


class Unavailable(WxtagError):
    """Something that we need is not there now; trying again helps."""

    permanent = False


class PlatformError(WxtagError):
    """A platform answered with an error code, or not at all.

    `action` is what helps (see platforms/codes.py): "refresh", "wait", "give_up", "tell_admin".
    `wait` is how many seconds to leave the platform alone. `code` is None when there was no answer.
    """

    def __init__(self, code: int | None, text: str, action: str, wait: float = 0.0, api: str = "") -> None:
        super().__init__(f"{api}: {code} {text}" if api else f"{code} {text}")
        self.code = code
        self.text = text
        self.action = action
        self.wait = wait
        self.api = api
        self.permanent = action in ("give_up", "tell_admin")
