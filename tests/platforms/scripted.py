"""A platform that says what a test told it to say, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    raw: bytes
    headers: dict[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass(frozen=True)
class Raw:
    """An answer that is not a friendly JSON object. `pieces` are sent one by one, as they come."""

    status: int = 200
    content: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    pieces: Callable[[], Iterator[bytes]] | None = None
    length: int | None = None


Answer = dict[str, Any] | Raw | Callable[[Asked], Any]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is what several tests are about."""


class Platform:
    """Listens on a free port. `on(path, first, second, …)`: the last answer is given for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        self._stopped = False
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(
                    self.command, parts.path, dict(parse_qsl(parts.query)), raw, dict(self.headers.items())
                )
                platform._serve(self, asked)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._stopped = True
        self._server.shutdown()
        self._server.server_close()

    def on(self, path: str, *answers: Answer) -> None:
        self._answers[path] = list(answers)

    def count(self, path: str) -> int:
        return sum(one.path == path for one in self.asked)

    def last(self, path: str) -> Asked:
        return next(one for one in reversed(self.asked) if one.path == path)

    def _next(self, asked: Asked) -> Any:
        with self._lock:
            self.asked.append(asked)
            answers = self._answers.get(asked.path)
            if not answers:
                return Raw(404)
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(asked) if callable(answer) else answer

    def _serve(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        if self._stopped:  # connections outlive the door that they came through
            handler.close_connection = True
            return
        answer = self._next(asked)
        if isinstance(answer, dict):
            answer = Raw(200, json.dumps(answer, ensure_ascii=False).encode())
        try:
            handler.send_response(answer.status)
            for name, value in answer.headers:
                handler.send_header(name, value)
            length = len(answer.content) if answer.length is None else answer.length
            handler.send_header("Content-Length", str(length))
            handler.end_headers()
            handler.wfile.write(answer.content)
            for piece in answer.pieces() if answer.pieces else ():
                handler.wfile.write(piece)
                handler.wfile.flush()
            handler.wfile.flush()
            if answer.length is not None:
                handler.close_connection = True
        except OSError:
            handler.close_connection = True
