"""What goes wrong on purpose: an interface's error code, or an act that cannot be done."""


class ApiError(Exception):
    """An error answer of the platform; `text` is put before the trailer of the message."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class ActError(Exception):
    """An act of a person, a staff member or an administrator that is impossible."""
