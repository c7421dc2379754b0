"""The pages people look at: home, the staff client, people, the admin console."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from wxtag.sandbox import faults
from wxtag.sandbox.acts.place import CITIES
from wxtag.sandbox.core import the_sandbox

pages = Blueprint("pages", __name__)


@pages.get("/")
def home() -> str:
    world = the_sandbox().world
    with world.lock:
        staff = [
            {
                **member,
                "corpid": corpid,
                "corp": corp["name"],
                "customers": len(corp["edges"][member["userid"].lower()]),
            }
            for corpid, corp in world.data["corps"].items()
            for member in corp["staff"].values()
        ]
        return render_template(
            "home.html",
            staff=staff,
            people=list(world.data["people"].values())[:60],
            accounts=list(world.data["accounts"].values()),
            product=world.data["product_url"],
        )


@pages.get("/staff/<corpid>/<userid>")
def staff(corpid: str, userid: str) -> str:
    world = the_sandbox().world
    corpid, corp = world.need_corp(corpid)
    member = world.need_staff(corp, userid)
    return render_template("staff.html", corp=corp, corpid=corpid, member=member)


@pages.get("/people")
def people() -> str:
    world = the_sandbox().world
    with world.lock:
        return render_template("people.html", people=list(world.data["people"].values())[:500])


@pages.get("/people/<person>")
def person(person: str) -> str:
    world = the_sandbox().world
    found = world.need_person(person)
    with world.lock:
        accounts = list(world.data["accounts"].values())
        staff = [
            {"corpid": corpid, "corp": corp["name"], **member}
            for corpid, corp in world.data["corps"].items()
            for member in corp["staff"].values()
            if member["customer_contact"]
        ]
        return render_template(
            "person.html",
            person=found,
            ids=world.person_shown(found),
            officials=[a for a in accounts if a["kind"] == "official_account"],
            minis=[a for a in accounts if a["kind"] == "mini_program"],
            staff=staff,
            cities=list(CITIES),
        )


@pages.get("/console")
def console() -> str:
    world = the_sandbox().world
    return render_template(
        "console.html",
        corps=[(corpid, corp["name"]) for corpid, corp in world.data["corps"].items()],
        call_faults=faults.CALL_FAULTS,
        delivery_faults=faults.DELIVERY_FAULTS,
    )


@pages.get("/favicon.ico")
def icon() -> Response:
    return redirect(url_for("static", filename="icon.svg"))
