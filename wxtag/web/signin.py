"""Signing in: the one-time link that makes the first admin, the login form, and who is signed in."""

import hmac
import secrets
from functools import cache

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from redis.exceptions import RedisError
from sqlalchemy import func, select
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from wxtag import clock, texts
from wxtag.apikeys import Caller
from wxtag.app import core
from wxtag.database import reading, writing
from wxtag.models import User
from wxtag.setup_links import hashed, usable, use_up

bp = Blueprint("signin", __name__)
SESSION_SECONDS = 12 * 3600
TRIES, TRIES_SECONDS = 10, 900


def signed_in() -> Caller | None:
    """The person who is signed in, or nothing; a changed password ends their sessions."""
    user_id = session.get("user")
    if not isinstance(user_id, int):
        return None
    with reading() as database:
        user = database.get(User, user_id)
        if user is None or not hmac.compare_digest(str(session.get("mark", "")), _mark(user)):
            return None
        return Caller(user.company_id, user.role, user.name)


def csrf() -> str:
    """The token that every form of this visitor carries."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return str(session["csrf"])


def _csrf_holds() -> bool:
    return bool(session.get("csrf")) and hmac.compare_digest(
        str(session["csrf"]).encode(), request.form.get("csrf", "").encode()
    )


@bp.get("/setup/<token>")
def setup(token: str) -> str | tuple[str, int]:
    """The form that makes the first admin."""
    with reading() as database:
        if usable(database, token) is None:
            return render_template("message.html", title=texts.SETUP_TITLE, text=texts.SETUP_GONE), 404
    return render_template("setup.html", fault=None, name="")


@bp.post("/setup/<token>")
def make_admin(token: str) -> Response | str | tuple[str, int]:
    """Makes the admin, uses the link up, and signs them in."""
    name = request.form.get("name", "").strip()
    password = request.form.get("password", "")
    fault = _fault(name, password, request.form.get("again", ""))
    with reading() as database:
        if usable(database, token) is None:
            return render_template("message.html", title=texts.SETUP_TITLE, text=texts.SETUP_GONE), 404
        # A name stands for one person in the whole installation, so that signing in needs no company.
        if not fault and database.scalar(select(User.id).where(User.name == name)):
            fault = texts.NAME_TAKEN
    if fault:
        return render_template("setup.html", fault=fault, name=name), 400
    password_hash = generate_password_hash(password)
    with writing() as database:
        link = usable(database, token)
        user = None
        if link is not None and use_up(database, link):
            user = User(
                company_id=link.company_id,
                name=name,
                password=password_hash,
                role="admin",
                created_at=clock.now(),
            )
            database.add(user)
            database.flush()
            link.user_id = user.id
            _enter(user)
    if user is None:
        return render_template("message.html", title=texts.SETUP_TITLE, text=texts.SETUP_GONE), 404
    return redirect(url_for("status.status"))


@bp.get("/login")
def login() -> Response | str:
    """The form for name and password."""
    if signed_in():
        return redirect(url_for("status.status"))
    with reading() as database:
        empty = database.scalar(select(func.count(User.id))) == 0
    return render_template("login.html", fault=texts.NOBODY_YET if empty else None, name="")


@bp.post("/login")
def enter() -> Response | tuple[str, int]:
    """Checks name and password; ten wrong ones in a quarter of an hour for a name or an address close it."""
    name = request.form.get("name", "").strip()
    if not _csrf_holds():
        return render_template("login.html", fault=texts.FORM_STALE, name=name), 400
    doors = [f"name:{hashed(name)}", f"from:{request.remote_addr}"]
    if max(_tries(door) for door in doors) >= TRIES:
        return render_template("login.html", fault=texts.SIGN_IN_SLOWED, name=name), 429
    with reading() as database:
        user = database.scalar(select(User).where(User.name == name).limit(1))
        nobody = _nobody()
        right = check_password_hash(user.password if user else nobody, request.form.get("password", ""))
        if user and right:
            _enter(user)
            return redirect(url_for("status.status"))
    for door in doors:
        _count(door)
    return render_template("login.html", fault=texts.SIGN_IN_WRONG, name=name), 403


@bp.post("/logout")
def leave() -> Response:
    if not _csrf_holds():
        abort(400)
    session.clear()
    return redirect(url_for("signin.login"))


def _fault(name: str, password: str, again: str) -> str | None:
    if not _csrf_holds():
        return texts.FORM_STALE
    if not 2 <= len(name) <= 40:
        return texts.NAME_LENGTH
    if len(password) < 10:
        return texts.PASSWORD_SHORT
    if len(password) > 200:
        return texts.PASSWORD_LONG
    return None if password == again else texts.PASSWORDS_DIFFER


@cache
def _nobody() -> str:
    """Checked when there is no such user, so that the answer takes as long as for one that exists.

    Made at the first login and not when a command starts: it takes a fifth of a second.
    """
    return generate_password_hash(secrets.token_hex(16))


def _enter(user: User) -> None:
    """A session of its own, so that one prepared by somebody else cannot be slipped under it."""
    session.clear()
    session.permanent = True
    session["user"], session["mark"] = user.id, _mark(user)


def _mark(user: User) -> str:
    return hashed(user.password)[:16]


def _tries(door: str) -> int:
    try:
        return int(core().redis.get(f"wxtag:login:{door}") or 0)
    except RedisError:
        return 0


def _count(door: str) -> None:
    try:
        with core().redis.pipeline() as pipe:
            pipe.incr(f"wxtag:login:{door}")
            pipe.expire(f"wxtag:login:{door}", TRIES_SECONDS)
            pipe.execute()
    except RedisError:
        clock.sleep(1)  # nobody counts: each guess costs a second instead
