"""Every error as an answer: one JSON shape for programs, a short page for people."""

from typing import Any

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, jsonify, make_response, render_template, request
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError

from wxtag import texts
from wxtag.errors import InputError, NotFound, PlatformError, Unavailable, WxtagError

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}
MESSAGES = {
    400: "the request cannot be read: expected JSON as /api/docs describes it",
    401: "no valid key: send Authorization: Bearer <key> (flask --app wsgi api-key create)",
    403: "this key's role does not allow it",
    404: "there is no such address, or no such thing of this company",
    413: "the body is too large",
    422: "something in the request is not as /api/docs describes it; see fields",
    500: "something went wrong on our side; it is in the log",
    503: "something that is needed is not there now; try again",
}
MINI_MESSAGES = {
    400: texts.MINI_NOT_JSON,
    401: texts.MINI_SIGN_IN,
    404: texts.MINI_UNKNOWN,
    413: texts.MINI_TOO_LARGE,
    422: texts.MINI_INPUT,
    503: texts.MINI_NOT_KEPT,
}


class Problem(Exception):
    """An answer with an error, for where no error of the core fits."""

    def __init__(self, status: int, message: str, code: str = "", fields: Any = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.fields: dict[str, list[str]] = fields or {}


def register(app: APIFlask) -> None:
    """Takes over what APIFlask and Flask would answer by themselves."""

    @app.before_request
    def _readable() -> Response | None:
        # Werkzeug decodes the query when somebody first asks for a parameter, and fails there.
        try:
            request.query_string.decode()
        except UnicodeDecodeError:
            return answer(400, "the query holds bytes that are not UTF-8: write them as %XX")
        return None

    @app.error_processor
    def _from_http(error: HTTPError) -> Any:
        spoken = MINI_MESSAGES if request.path.startswith("/mini/") else MESSAGES
        message = spoken.get(error.status_code) or error.message or texts.ERROR_OTHER
        response = answer(error.status_code, message, fields=_fields(error.detail))
        for name, value in dict(error.headers).items():
            # Of the original's headers those that still mean something: Allow, WWW-Authenticate, …
            if name.lower() not in ("content-type", "content-length"):
                response.headers[name] = value
        return response

    @app.errorhandler(Problem)
    def _from_problem(error: Problem) -> Response:
        return answer(error.status, error.message, error.code, error.fields)

    @app.errorhandler(RecursionError)
    def _too_deep(error: RecursionError) -> Response:
        # json.loads gives up so on a body that is nested some thousand levels deep.
        return answer(400, "the body is nested too deeply")

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    def _no_database(error: Exception) -> Response:
        app.logger.error("the database did not answer: %s", type(error).__name__)
        return answer(503, MESSAGES[503])

    for kind, status in ((InputError, 422), (NotFound, 404), (Unavailable, 503), (PlatformError, 503)):
        app.register_error_handler(kind, _core_answer(status))


def _core_answer(status: int) -> Any:
    def answer_of(error: WxtagError) -> Response:
        fields = {"": error.faults} if isinstance(error, InputError) and error.faults else {}
        spoken = MINI_MESSAGES.get(status) if request.path.startswith("/mini/") else None
        return answer(status, spoken or str(error), fields=fields)

    return answer_of


def answer(status: int, message: str, code: str = "", fields: dict[str, list[str]] | None = None) -> Response:
    """The error in the form that suits who asks."""
    if request.path.startswith(("/api/", "/mini/")):
        body = {
            "error": {
                "code": code or CODES.get(status, "error"),
                "message": message,
                "fields": fields or {},
            }
        }
        response = jsonify(body)
    elif request.accept_mimetypes.accept_html and not request.path.startswith("/callbacks/"):
        text = texts.ERRORS.get(status, texts.ERROR_OTHER)
        response = make_response(render_template("error.html", status=status, text=text))
    else:
        response = make_response(f"{CODES.get(status, 'error')}\n")
        response.mimetype = "text/plain"
    response.status_code = status
    return response


def faults_of(error: ValidationError) -> dict[str, list[str]]:
    """What pydantic found, as {field: [messages]}; the values themselves are not repeated."""
    found: dict[str, list[str]] = {}
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        found.setdefault(".".join(str(part) for part in fault["loc"]), []).append(fault["msg"])
    return found


def _fields(detail: Any) -> dict[str, list[str]]:
    """APIFlask's {location: {field: [messages]}} as {field: [messages]}."""
    found: dict[str, list[str]] = {}
    if isinstance(detail, dict):
        for of_location in detail.values():
            if isinstance(of_location, dict):
                for name, messages in of_location.items():
                    found.setdefault(str(name), []).extend(str(message) for message in messages)
    return found
