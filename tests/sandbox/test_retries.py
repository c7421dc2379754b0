"""Repetition of callbacks, and faults on their way."""

from tests.sandbox.conftest import CORP, OA, Product, World
from tests.sandbox.opening import between, connect, opened

QUICK = {"callbacks.retry_spacing": [0.05]}


def test_wecom_repeats_three_times_and_gives_up(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    world.switches(QUICK)
    product.reply = lambda _: (500, "")
    world.act("add_friend", person="lin", userid="ZhaoMin")
    tries = world.idle()
    assert [(t["try"], t["status"], t["ok"]) for t in tries] == [(n, 500, False) for n in (1, 2, 3, 4)]
    pushes = product.pushes()
    assert len({opened(account, push) for push in pushes}) == 1
    assert len({push["query"]["nonce"] for push in pushes}) == 4
    assert len({push["body"] for push in pushes}) == 4


def test_wechat_tries_three_times_in_total(world: World, product: Product) -> None:
    connect(world, product, OA)
    world.switches({**QUICK, "callbacks.fresh_cipher_on_retry": False})
    product.reply = lambda _: (500, "")
    world.act("follow", person="lin")
    assert len(world.idle()) == 3
    assert len({push["body"] for push in product.pushes()}) == 1


def test_it_ends_with_the_first_good_answer(world: World, product: Product) -> None:
    connect(world, product, OA)
    world.switches(QUICK)
    product.reply = lambda _: (200, "success") if len(product.pushes()) > 1 else (200, "what?")
    world.act("follow", person="lin")
    tries = world.idle()
    assert [t["ok"] for t in tries] == [False, True] and tries[0]["reply"]["kind"] == "invalid"


def test_other_codes_than_200_need_not_be_repeated(world: World, product: Product) -> None:
    connect(world, product, CORP)
    world.switches({**QUICK, "callbacks.repeat_on_non_200": False})
    product.reply = lambda _: (503, "")
    world.act("add_friend", person="lin", userid="ZhaoMin")
    assert len(world.idle()) == 1


def test_too_slow_is_no_answer(world: World, product: Product) -> None:
    import time

    connect(world, product, CORP)
    world.switches({**QUICK, "callbacks.timeout_seconds": 0.1, "callbacks.tries.wecom": 2})

    def slow(_: dict) -> tuple[int, str]:
        time.sleep(0.3)
        return 200, ""

    product.reply = slow
    world.act("add_friend", person="lin", userid="ZhaoMin")
    tries = world.idle()
    assert [t["status"] for t in tries] == [None, None] and "timed out" in tries[0]["error"]


def test_a_dead_receiver_is_tried_again(world: World, product: Product) -> None:
    connect(world, product, CORP)
    world.switches(QUICK)
    product.close()
    world.act("add_friend", person="lin", userid="ZhaoMin")
    assert len(world.idle()) == 4


def test_order_is_kept_for_an_account(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    world.act("follow", person="lin")
    for number in range(30):
        world.act("send_text", person="lin", text=str(number))
    world.idle()
    contents = [opened(account, push) for push in product.pushes()[1:]]
    assert [between(content, "Content") for content in contents] == [str(n) for n in range(30)]


def test_resend_has_the_same_content_and_a_fresh_envelope(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    world.act("follow", person="lin")
    world.act("send_text", person="lin", text="hi")
    world.idle()
    assert world.act("resend", n=1)["sent"] == 1
    world.idle()
    _, text, again = product.pushes()
    assert opened(account, text) == opened(account, again)
    assert text["query"]["nonce"] != again["query"]["nonce"] and text["body"] != again["body"]


def test_duplicates_discards_delays(world: World, product: Product) -> None:
    account = connect(world, product, OA)
    world.act("follow", person="lin")
    world.idle()
    send = lambda text: world.act("send_text", person="lin", text=text)  # noqa: E731
    world.faults({"platform": "callbacks", "what": "duplicate", "count": 1})
    send("twice")
    world.idle()
    world.faults({"platform": "callbacks", "what": "discard", "count": 1})
    send("lost")
    world.faults({"platform": "callbacks", "what": "reorder", "count": 1, "ms": 150})
    send("late")
    send("early")
    world.idle()
    contents = [between(opened(account, push), "Content") for push in product.pushes()[1:]]
    assert contents == ["twice", "twice", "early", "late"]
    lost = [t for t in world.idle() if t["error"] == "discarded"]
    assert len(lost) == 1 and "lost" in lost[0]["content"]


def test_nothing_is_sent_without_a_url(world: World) -> None:
    world.act("follow", person="lin")
    (tried,) = world.idle()
    assert tried["url"] is None and tried["try"] == 0 and tried["ok"] is False


def test_a_reset_drops_what_is_under_way(world: World, product: Product) -> None:
    connect(world, product, OA)
    world.switches({"callbacks.retry_spacing": [0.2]})
    product.reply = lambda _: (500, "")
    world.act("follow", person="lin")
    while not product.pushes():
        pass
    world.control("POST", "reset")
    connect(world, product, OA)
    world.idle()
    assert len(product.pushes()) == 1
