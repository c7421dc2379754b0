"""Mixes of faults: probabilities, seeds, blocks, dying tokens, late answers, counts."""

import time
from collections import Counter
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import CORP, OA, World
from tests.sandbox.test_mark_tag import mark, shown


@pytest.fixture
def tag(world: World) -> str:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.token(CORP)
    return str(world.control("GET", f"library/{CORP}")["groups"][0]["tags"][0]["id"])


def mix(world: World, seed: int | None = 7, api: str = "externalcontact/*", **parts: Any) -> Any:
    wanted = {name.replace("minus_", "-").removeprefix("code_"): value for name, value in parts.items()}
    return world.control("PUT", "faults/mix", {"seed": seed, "api": api, "mix": wanted})


def test_a_call_gets_one_fault_at_most_by_its_probability(world: World) -> None:
    """Seeded: 200 calls; a mix of 30 % and 20 % leaves half of them alone."""

    def run() -> list[int]:
        mix(world, api="user/*", minus_1=0.3, code_45033=0.2)
        world.wecom("department/list")
        return [world.wecom("user/get", userid="ZhaoMin")["errcode"] for _ in range(200)]

    first = run()
    found = Counter(first)
    assert 40 <= found[-1] <= 80 and 25 <= found[45033] <= 60 and found[0] == 200 - found[-1] - found[45033]
    assert run() == first
    counted = world.control("GET", "faults")
    assert counted["injected"]["user/get"] == {"error -1": 2 * found[-1], "error 45033": 2 * found[45033]}
    assert "department/list" not in counted["injected"]
    world.control("DELETE", "faults?counts=1")
    assert world.control("GET", "faults")["faults"] == [] == list(world.control("GET", "faults")["injected"])


def test_the_fate_of_a_call_does_not_depend_on_other_interfaces(world: World) -> None:
    mix(world, api="*", minus_1=0.4)
    alone = [world.wecom("user/get", userid="ZhaoMin")["errcode"] for _ in range(30)]
    mix(world, api="*", minus_1=0.4)
    beside = []
    for _ in range(30):
        world.wecom("department/list")
        beside.append(world.wecom("user/get", userid="ZhaoMin")["errcode"])
    assert alone == beside and -1 in alone


def test_a_seed_is_drawn_and_shown(world: World) -> None:
    one, two = mix(world, seed=None, minus_1=0.5)["seed"], mix(world, seed=None, minus_1=0.5)["seed"]
    assert one != two


def test_lasting_codes_are_no_faults_of_a_mix(world: World) -> None:
    for code in ("60020", "84061", "40068", "40003"):
        world.control("PUT", "faults/mix", {"mix": {code: 0.1}}, 400)
    world.control("PUT", "faults/mix", {"mix": {"-1": 0.7, "45033": 0.7}}, 400)
    world.control("PUT", "faults/mix", {"mix": {"nothing": 0.1}}, 400)
    world.control("PUT", "faults/mix", {"mix": {}}, 400)


def test_45009_blocks_the_interface_for_its_time(world: World, tag: str) -> None:
    mix(world, code_45009={"rate": 1, "count": 1, "block_seconds": 0.4})
    assert mark(world, add_tag=[tag])["errcode"] == 45009
    assert mark(world, add_tag=[tag])["errcode"] == 45009
    assert world.wecom("externalcontact/list", userid="ZhaoMin")["errcode"] == 0
    time.sleep(0.45)
    assert mark(world, add_tag=[tag])["errcode"] == 0


def test_45009_of_an_official_account_blocks_with_the_same_code(world: World) -> None:
    world.token(OA)
    mix(world, api="user/get", code_45009={"rate": 1, "count": 1, "block_seconds": 0.3})
    assert [world.wechat("cgi-bin/user/get")["errcode"] for _ in range(2)] == [45009, 45009]
    time.sleep(0.35)
    assert world.wechat("cgi-bin/user/get")["count"] == 0


@pytest.mark.parametrize("how,code", [("token_invalid", 40014), ("token_expired", 42001)])
def test_a_token_dies_for_everybody(world: World, tag: str, how: str, code: int) -> None:
    mix(world, api="externalcontact/mark_tag", **{how: {"rate": 1, "count": 1}})
    assert mark(world, add_tag=[tag])["errcode"] == code
    assert world.wecom("user/get", userid="ZhaoMin")["errcode"] == code
    world._tokens.clear()
    assert mark(world, add_tag=[tag])["errcode"] == 0 and shown(world) == ["重要客户"]


def test_a_token_of_an_official_account_dies(world: World) -> None:
    world.token(OA)
    mix(world, api="user/get", token_invalid={"rate": 1, "count": 1})
    assert world.wechat("cgi-bin/user/get")["errcode"] == 40001
    assert world.wechat("cgi-bin/tags/get")["errcode"] == 40001


def test_a_late_answer_took_effect_or_did_not(world: World, tag: str) -> None:
    path = f"{world.url}/wecom-api/cgi-bin/externalcontact/mark_tag?access_token={world.token(CORP)}"
    body = {"userid": "ZhaoMin", "external_userid": world.external("lin"), "add_tag": [tag]}
    mix(world, api="externalcontact/mark_tag", timeout={"rate": 1, "seconds": 0.4, "effect": False})
    with pytest.raises(requests.Timeout):
        requests.post(path, json=body, timeout=0.1)
    assert shown(world) == []
    # The platform is still at it: another edit of the contact would be refused.
    time.sleep(0.45)
    mix(world, api="externalcontact/mark_tag", timeout={"rate": 1, "seconds": 0.4})
    with pytest.raises(requests.Timeout):
        requests.post(path, json=body, timeout=0.2)
    assert shown(world) == ["重要客户"]
    time.sleep(0.45)


def test_lines_cut_before_and_after_and_ok_for_nothing(world: World, tag: str) -> None:
    mix(world, drop_before={"rate": 1, "count": 1})
    with pytest.raises(requests.ConnectionError):
        mark(world, add_tag=[tag])
    assert shown(world) == []
    mix(world, no_effect={"rate": 1, "count": 1})
    assert mark(world, add_tag=[tag])["errcode"] == 0 and shown(world) == []
    mix(world, drop_after={"rate": 1, "count": 1})
    with pytest.raises(requests.ConnectionError):
        mark(world, add_tag=[tag])
    assert shown(world) == ["重要客户"]
    counted = world.control("GET", "faults")["injected_in_all"]
    assert counted == {"drop_connection": 1, "no_effect": 1, "lost_answer": 1}


def test_latency_comes_beside_other_faults(world: World) -> None:
    mix(world, api="user/get", minus_1=1, latency={"min_ms": 60, "max_ms": 90})
    began = time.monotonic()
    assert world.wecom("user/get", userid="ZhaoMin")["errcode"] == -1
    assert time.monotonic() - began >= 0.06
    mix(world, api="user/get", latency={"median_ms": 5, "sigma": 1, "max_ms": 30})
    assert [world.wecom("user/get", userid="ZhaoMin")["errcode"] for _ in range(10)] == [0] * 10
    spent = [call["ms"] for call in world.control("GET", "calls?api=user/get&last=10")["calls"]]
    assert len({round(ms) for ms in spent}) > 2
