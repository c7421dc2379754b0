"""Several accounts of each kind in every mode at once, and processes that die while callbacks arrive."""

import json

import pytest

from tests.scenarios.product import CORP, ZHAO, Product
from tests.scenarios.test_the_line import HANGZHOU

OFFICIAL = [{"kind": "official_account", "mode": mode} for mode in ("plain", "compatible", "safe")]
MINI = [
    {"kind": "mini_program", "mode": mode, "format": form}
    for mode, form in (
        ("plain", "json"),
        ("compatible", "xml"),
        ("safe", "xml"),
    )  # the sandbox's own: safe, json
]


def bound(product: Product, wish: dict) -> str:
    """Makes an account in the sandbox, binds it, and has the platform verify the address; its appid."""
    made = product.control("POST", "accounts", {**wish, "open_platform": "sandbox-open"})
    document = made.get("account", made)
    document = {k: v for k, v in document.items() if k != "ok"}
    answer = json.loads(product.flask("account", "bind", "-", stdin=json.dumps(document)))
    appid = document["appid"]
    product.control("PUT", f"accounts/{appid}/callback", {"url": product.url + answer["callback_path"]})
    return appid


def kinds(product: Product, appid: str, person: str) -> list[str]:
    """What the product knows that this person did."""
    openid = product.person(person)["openids"][appid]
    one = product.customer_of("openid", appid, openid)
    events = product.api("GET", f"customers/{one['id']}/events")["items"]
    return sorted({event["kind"] for event in events})


@pytest.mark.parametrize("wish", OFFICIAL, ids=lambda wish: wish["mode"])
def test_official_accounts_in_every_mode(product: Product, wish: dict) -> None:
    appid = bound(product, wish)
    someone = product.control("POST", "people", {"name": "多号"})["id"]
    product.act("follow", someone, appid=appid)
    product.act("report_location", someone, appid=appid, city="杭州")
    product.act("send_text", someone, appid=appid, text="你好")
    product.act("add_friend", someone, userid=ZHAO)
    product.wait(lambda: product.sees(HANGZHOU, someone), 20, HANGZHOU)
    assert kinds(product, appid, someone) == ["added", "followed", "located", "messaged"]


@pytest.mark.parametrize("wish", MINI, ids=lambda wish: f"{wish['mode']}-{wish['format']}")
def test_mini_programs_in_every_mode_and_format(product: Product, wish: dict) -> None:
    appid = bound(product, wish)
    someone = product.control("POST", "people", {"name": "多程"})["id"]
    product.act("mini_login", someone, appid=appid)
    product.act(
        "mini_event", someone, appid=appid, events=[{"kind": "launch"}, {"kind": "page", "path": "a"}]
    )
    product.act("mini_phone", someone, appid=appid)
    product.act("mini_message", someone, appid=appid, text="有优惠吗")
    product.quiet()
    assert kinds(product, appid, someone) == ["gave_phone", "launched", "logged_in", "messaged", "viewed"]
    one = product.customer_of("openid", appid, product.person(someone)["openids"][appid])
    assert {"phone", "unionid"} <= {found["kind"] for found in one["identities"]}


def test_callbacks_that_were_answered_survive_the_death_of_the_web_process(product: Product) -> None:
    product.quiet()
    for name in ("worker0", "clock"):
        product.kill(name)
    people = [product.control("POST", "people", {"name": f"存{n}"})["id"] for n in range(6)]
    for one in people:
        product.act("follow", one)
        product.act("report_location", one, city="杭州")
        product.act("add_friend", one, userid=ZHAO)
    product.control("POST", "wait_idle", {"timeout": 20})
    product.kill("web")
    product.start_web()
    product.start_workers()
    product.wait(lambda: all(product.sees(HANGZHOU, one) for one in people), 60, "everyone in Hangzhou")


def test_a_second_bind_changes_the_keys_and_the_old_ones_still_open_what_is_on_its_way(
    product: Product,
) -> None:
    appid = bound(product, {"kind": "official_account", "mode": "safe"})
    someone = product.control("POST", "people", {"name": "换钥"})["id"]
    document = {**account(product, appid), "aes_key": "A" * 43}
    product.flask("account", "bind", "-", stdin=json.dumps(document))
    product.act("follow", someone, appid=appid)
    product.wait(lambda: arrived(product, appid, someone), 15, "the push under the previous key")


def account(product: Product, appid: str) -> dict:
    found = product.control("GET", "accounts")["accounts"]
    return next(one for one in found if one.get("appid") == appid)


def arrived(product: Product, appid: str, person: str) -> bool:
    openid = product.person(person)["openids"][appid]
    return bool(product.api("GET", f"customers?identity=openid:{appid}:{openid}")["items"])


def test_the_self_test_of_every_binding_says_ok(product: Product) -> None:
    product.act("mini_message", text="你好")
    product.act("follow")
    product.act("add_friend", userid=ZHAO)
    product.quiet()
    for line in product.flask("account", "list").splitlines()[:3]:
        said = product.flask("account", "check", line.split("\t")[0])
        assert said.count("ok  ") >= 2 and "FAIL" not in said, said
    assert CORP in product.flask("account", "list")
