"""Serves the sandbox by real HTTP: in the foreground of a process, or in a thread of a test."""

import threading
from types import TracebackType

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from wxtag.sandbox.core import sandbox_of


class _Quiet(WSGIRequestHandler):
    """HTTP/1.1, and no line on the terminal for each request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


class serve:
    """`with serve(app) as running:` — `running.url` is where it answers, `running.stop()` ends it."""

    def __init__(self, app: Flask, port: int = 0, host: str = "127.0.0.1") -> None:
        self.app = app
        self._server: BaseWSGIServer = make_server(host, port, app, threaded=True, request_handler=_Quiet)
        # Threads of hanging requests must not keep the process alive.
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> "serve":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stops answering, then saves."""
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()
        sandbox_of(self.app).stop()
