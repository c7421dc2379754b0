"""What staff see when WeCom is slow, forgetful, strict or gone: the right tags, a little later."""

from collections.abc import Iterator

import pytest

from tests.scenarios.product import CORP, OA, ZHAO, Product
from tests.scenarios.test_the_line import HANGZHOU, SHANGHAI, tag_id

MARK = "externalcontact/mark_tag"


@pytest.fixture
def someone(product: Product, request: pytest.FixtureRequest) -> str:
    return product.control("POST", "people", {"name": f"客户{abs(hash(request.node.name)) % 10_000}"})["id"]


@pytest.fixture
def fault(product: Product) -> Iterator:
    """Switches faults on; they are off again afterwards."""

    def switch(**one: object) -> None:
        product.control("PUT", "faults", {"faults": [one]})

    yield switch
    product.control("PUT", "faults", {"faults": []})


def becomes_a_customer_in_hangzhou(product: Product, someone: str) -> None:
    product.act("follow", someone)
    product.act("report_location", someone, city="杭州")
    product.act("add_friend", someone, userid=ZHAO)


def marks_of(product: Product, person: str) -> list[dict]:
    external = product.person(person)["external_userids"][CORP]
    return [call for call in product.calls(MARK) if call["external_userid"] == external]


def test_a_contact_that_cannot_be_read_right_after_the_add_is_asked_again(
    product: Product, someone: str
) -> None:
    product.quiet()
    product.control("PUT", "switches", {"wecom.read_after_add_lag_seconds": 8})
    try:
        becomes_a_customer_in_hangzhou(product, someone)
        product.wait(lambda: product.sees(HANGZHOU, someone), 40, HANGZHOU)
    finally:
        product.control("PUT", "switches", {"wecom.read_after_add_lag_seconds": 0})
    assert any(call["errcode"] == 84061 for call in product.calls("externalcontact/get"))


def test_an_expired_token_is_renewed_once(product: Product, someone: str) -> None:
    product.quiet()
    product.act("expire_tokens")
    before = len(product.calls("gettoken"))
    becomes_a_customer_in_hangzhou(product, someone)
    product.wait(lambda: product.sees(HANGZHOU, someone), 20, HANGZHOU)
    assert len(product.calls("gettoken")) - before == 1


@pytest.mark.parametrize("errcode", [-1, 45033, 45035])
def test_a_passing_error_is_tried_again(product: Product, someone: str, fault, errcode: int) -> None:
    product.quiet()
    fault(platform="wecom", api=MARK, what="error", errcode=errcode, rate=1, count=2)
    becomes_a_customer_in_hangzhou(product, someone)
    product.wait(lambda: product.sees(HANGZHOU, someone), 30, HANGZHOU)
    assert [call["errcode"] for call in marks_of(product, someone)][:2] == [errcode, errcode]


def test_after_a_lost_answer_we_still_know_that_the_tag_is_ours(
    product: Product, someone: str, fault
) -> None:
    fault(platform="wecom", api=MARK, what="lost_answer", rate=1, count=1)
    becomes_a_customer_in_hangzhou(product, someone)
    product.wait(lambda: product.sees(HANGZHOU, someone), 20, HANGZHOU)
    product.quiet()
    product.act("report_location", someone, city="上海")
    product.wait(lambda: product.sees(SHANGHAI, someone), 20, SHANGHAI)
    assert not product.sees(HANGZHOU, someone)


def test_a_tag_that_was_deleted_in_wecom_is_made_again(product: Product, someone: str) -> None:
    first = product.control("POST", "people", {"name": "先来的"})["id"]
    becomes_a_customer_in_hangzhou(product, first)
    product.wait(lambda: product.sees(HANGZHOU, first), 20, HANGZHOU)
    product.quiet()
    product.control("PUT", "faults", {"faults": [{"platform": "callbacks", "what": "discard", "rate": 1}]})
    old = tag_id(product, "地区", "浙江·杭州")
    product.act("admin_tag_delete", id=old)
    product.control("PUT", "faults", {"faults": []})
    becomes_a_customer_in_hangzhou(product, someone)
    product.wait(lambda: product.sees(HANGZHOU, someone), 30, HANGZHOU)
    assert marks_of(product, someone)[0]["errcode"] == 40068
    assert tag_id(product, "地区", "浙江·杭州") != old
    product.wait(lambda: product.sees(HANGZHOU, first), 30, "the tag on whom had it before")


def test_many_customers_at_once_stay_within_the_limits(product: Product) -> None:
    product.quiet()
    product.control("DELETE", "calls")
    people = [product.control("POST", "people", {"name": f"人{n}"})["id"] for n in range(25)]
    product.control(
        "PUT", "faults", {"faults": [{"platform": "wecom", "api": "*", "what": "latency", "ms": 60}]}
    )
    try:
        for one in people:
            becomes_a_customer_in_hangzhou(product, one)
        product.wait(lambda: all(product.sees(HANGZHOU, one) for one in people), 60, "everyone in Hangzhou")
    finally:
        product.control("PUT", "faults", {"faults": []})
    marks = product.calls(MARK)
    assert {call["errcode"] for call in marks} == {0}
    parallel = product.control("GET", "calls")["max_parallel"][MARK]
    assert 2 <= parallel <= 5, parallel


def test_an_address_that_is_not_trusted_is_told_to_the_admin_and_heals(
    product: Product, someone: str
) -> None:
    product.control("PUT", f"accounts/{CORP}/settings", {"ip_allowed": ["203.0.113.9"]})
    try:
        becomes_a_customer_in_hangzhou(product, someone)
        product.wait(lambda: "60020" in product.flask("account", "list"), 20, "the trouble of the binding")
        check = product.failing("account", "check", "1")
        assert "127.0.0.1" in check and "可信" in check, check
    finally:
        product.control("PUT", f"accounts/{CORP}/settings", {"ip_allowed": []})
    assert "ok" in product.flask("account", "check", "1")
    product.wait(lambda: product.sees(HANGZHOU, someone), 20, HANGZHOU)
    assert "60020" not in product.flask("account", "list")


def test_a_worker_that_is_killed_loses_nothing(product: Product) -> None:
    people = [product.control("POST", "people", {"name": f"命{n}"})["id"] for n in range(8)]
    for number, one in enumerate(people):
        becomes_a_customer_in_hangzhou(product, one)
        if number == 4:
            product.kill("worker0")
            product.spawn("worker0", "-m", "workers")
    product.wait(lambda: all(product.sees(HANGZHOU, one) for one in people), 100, "everyone in Hangzhou")


def test_the_night_computes_everyone(product: Product, someone: str) -> None:
    becomes_a_customer_in_hangzhou(product, someone)
    product.wait(lambda: product.sees(HANGZHOU, someone), 20, HANGZHOU)
    said = product.flask("recompute", "--at", "2036-01-01T03:00:00")
    assert "taken" in said
    product.quiet()
    assert product.sees(HANGZHOU, someone)
    openid = product.person(someone)["openids"][OA]
    tags = {tag["name"] for tag in product.customer_of("openid", OA, openid)["tags"]}
    assert "浙江·杭州" in tags
