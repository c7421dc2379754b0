"""One request at a door, taken from WSGI itself: what a door reads of it, and what it answers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from wxtag.envelope import MAX_BODY
from wxtag.errors import Malformed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

LONGEST_PARAMETER = 8192
"""Characters; the longest is the encrypted echostr of a verification."""
MOST_PARAMETERS = 50
_STATUS = {
    200: "200 OK",
    400: "400 Bad Request",
    403: "403 Forbidden",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
_MORE = {405: [("Allow", "GET, HEAD, POST")], 503: [("Retry-After", "5")]}


class Answer(NamedTuple):
    """Plain text, and no more of it than is asked for."""

    status: int
    text: bytes

    def send(self, start_response: "StartResponse") -> Iterable[bytes]:
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(self.text))),
            ("X-Content-Type-Options", "nosniff"),
            *_MORE.get(self.status, ()),
        ]
        start_response(_STATUS[self.status], headers)
        return [self.text]


class Knock(NamedTuple):
    """Reads the request lazily: who is refused for the query has the body left unread."""

    environ: dict[str, Any]

    @property
    def sender(self) -> str:
        """The address it came from, for the log."""
        return str(self.environ.get("REMOTE_ADDR", ""))

    def query(self) -> dict[str, str]:
        """The parameters, each of which may stand once. Raises Malformed."""
        try:
            raw = self.environ.get("QUERY_STRING", "").encode("latin-1").decode("utf-8")
            pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
        except ValueError as error:
            raise Malformed("query", "the query holds raw bytes, or too much") from error
        found = dict(pairs)
        if len(found) != len(pairs) or any(len(value) > LONGEST_PARAMETER for value in found.values()):
            raise Malformed("query", "a parameter stands twice or is too long")
        return found

    def body(self) -> bytes:
        """The body as it came, or so much of it that it is refused as too large. Raises Malformed."""
        text, stream = self.environ.get("CONTENT_LENGTH") or "", self.environ["wsgi.input"]
        if text and not (text.isascii() and text.isdigit() and len(text) < 12):
            raise Malformed("body", "the Content-Length is not a number")
        length = int(text) if text else None
        if length is not None and length > MAX_BODY:
            raise Malformed("too_large", f"the body has {length} bytes: at most {MAX_BODY} are taken")
        # Without a length it is chunked, and the server says whether the stream ends by itself.
        ends = length is not None or self.environ.get("wsgi.input_terminated")
        try:
            found: bytes = stream.read(MAX_BODY + 1 if length is None else length) if ends else b""
        except OSError as error:
            raise Malformed("body", "the body did not arrive whole") from error
        if length is not None and len(found) != length:
            raise Malformed("body", "the body did not arrive whole")
        return found
