"""The memory survives a restart."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.sandbox.conftest import CORP, OA, World
from wxtag.sandbox import create_sandbox
from wxtag.sandbox.serve import serve


def test_a_second_start_goes_on(tmp_path: Path) -> None:
    with serve(create_sandbox(str(tmp_path))) as running:
        world = World(running)
        world.act("add_friend", person="lin", userid="ZhaoMin", state="s")
        world.act("follow", person="wang")
        world.control("POST", "people", {"id": "extra", "name": "新人"})
        world.switches({"wecom.max_parallel": 4})
        made = world.act("admin_tag_create", group_name="城市", names=["杭州"])
        token, secret = world.token(CORP), world.account(OA)["secret"]
    with serve(create_sandbox(str(tmp_path))) as running:
        again = World(running)
        assert again.token(CORP) == token and again.account(OA)["secret"] == secret
        assert again.control("GET", f"view/{CORP}/ZhaoMin")["customers"][0]["state"] == "s"
        assert again.wechat("cgi-bin/user/get")["data"]["openid"] == [again.openid("wang")]
        assert again.person("extra")["name"] == "新人"
        assert again.control("GET", "switches")["switches"]["wecom.max_parallel"]["value"] == 4
        more = again.act("admin_tag_create", group_name="城市", names=["上海"])
        assert more["group_id"] == made["group_id"]
        assert set(more["tag_ids"].values()).isdisjoint(made["tag_ids"].values())
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox.json"]


def test_changes_are_saved_within_a_second(tmp_path: Path) -> None:
    with serve(create_sandbox(str(tmp_path))) as running:
        World(running).control("POST", "people", {"id": "extra", "name": "新人"})
        deadline = time.monotonic() + 1.5
        saved = tmp_path / "sandbox.json"
        while not (saved.exists() and "新人" in saved.read_text(encoding="utf-8")):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_ids_are_the_same_in_every_world(world: World) -> None:
    with serve(create_sandbox()) as running:
        other = World(running)
        assert other.control("GET", "accounts") == world.control("GET", "accounts")
        assert other.control("GET", "people") == world.control("GET", "people")
        assert (
            other.control("GET", f"library/{CORP}")["groups"][0]["id"]
            == (world.control("GET", f"library/{CORP}")["groups"][0]["id"])
        )


def test_the_process_saves_when_it_is_told_to_stop(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wxtag.sandbox", "--port", "0", "--state", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("sandbox on http://127.0.0.1:")
        url = line.removeprefix("sandbox on ")
        requests.post(f"{url}/sandbox/people", json={"id": "extra", "name": "x"}, timeout=5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.stdout and process.stdout.close()
    assert '"extra"' in (tmp_path / "sandbox.json").read_text(encoding="utf-8")
