"""Everything that this product shows or answers over HTTP besides the doors, joined to the application."""

from apiflask import APIFlask
from flask import Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from wxtag import texts
from wxtag.app import core
from wxtag.web import errors, health, signin
from wxtag.web.api import changes, conflicts, customers, docs, events, groups, openapi, preview, tags
from wxtag.web.console import status
from wxtag.web.miniapp import doors as mini
from wxtag.web.oauth import doors as oauth

CSP = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"


def register(app: APIFlask) -> None:
    """Adds the pages, the API, the mini-programs' addresses, health and metrics to the application."""
    with app.app_context():
        settings = core().settings
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.config.update(
        SESSION_COOKIE_NAME="wxtag_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=signin.SESSION_SECONDS,
    )
    assert isinstance(app.json, DefaultJSONProvider)
    app.json.ensure_ascii = False  # Chinese as people read it, and half as long
    errors.register(app)
    openapi.register(app)
    for module in (customers, changes, conflicts, events, tags, groups, preview, docs, mini):
        app.register_blueprint(module.bp)
    for page in (health, signin, status, oauth):
        app.register_blueprint(page.bp)
    app.context_processor(lambda: {"t": texts, "csrf": signin.csrf})
    app.after_request(_guarded)


def _guarded(response: Response) -> Response:
    """Headers that keep a page from being framed, sniffed or kept; the doors need none of them."""
    if request.path.startswith("/callbacks/"):
        return response
    response.headers["Content-Security-Policy"] = CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
