"""The status page of a signed-in admin: bindings, what waits, what failed, the last tags."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for
from werkzeug.wrappers import Response

from wxtag import clock, host_spools, overview
from wxtag.apikeys import Caller
from wxtag.app import core
from wxtag.database import reading
from wxtag.web.signin import signed_in

bp = Blueprint("status", __name__)


@bp.get("/")
def status() -> Response | str:
    """The whole page."""
    who = signed_in()
    if who is None:
        return redirect(url_for("signin.login"))
    return render_template("status.html", who=who, **_seen(who))


@bp.get("/status")
def fragment() -> str:
    """Its middle alone, for the page to renew itself; 403 when nobody is signed in any more."""
    who = signed_in()
    if who is None:
        abort(403)
    return render_template("status_body.html", **_seen(who))


@bp.app_template_filter("moment")
def _moment(milliseconds: int | None) -> str:
    """A time as people read it: 11-22 10:30:05."""
    if not milliseconds:
        return ""
    return clock.iso(milliseconds, core().settings.zone)[5:19].replace("T", " ")


def _seen(who: Caller) -> dict[str, Any]:
    with reading() as session:
        return {
            "missed": host_spools.missed(session, core().settings),
            "bindings": overview.bindings(session, who.company_id),
            "waiting": overview.waiting(session, who.company_id),
            "failures": overview.failures(session, who.company_id),
            "ignored": overview.ignored(session, who.company_id),
            "last_tags": overview.last_tags(session, who.company_id),
            "now": clock.now(),
        }
