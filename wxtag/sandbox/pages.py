"""The pages people look at: home, the staff client, people, the admin console."""

from flask import Blueprint

pages = Blueprint("pages", __name__)


@pages.get("/")
def home() -> str:
    return "沙盒"
