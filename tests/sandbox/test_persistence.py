"""The memory survives a restart."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.sandbox.conftest import CORP, OA, World
from wxtag.sandbox import create_sandbox
from wxtag.sandbox.core import sandbox_of
from wxtag.sandbox.serve import serve


def written(folder: Path) -> str:
    """All that is kept, as one text."""
    if not (folder / "sandbox.db").exists():
        return ""
    with contextlib.closing(sqlite3.connect(folder / "sandbox.db", timeout=10)) as db:
        try:
            return "".join(row[0] for row in db.execute("SELECT value FROM world"))
        except sqlite3.OperationalError:
            # Made this moment, without its table yet.
            return ""


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
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox.db"]


def test_changes_are_saved_within_a_second(tmp_path: Path) -> None:
    with serve(create_sandbox(str(tmp_path))) as running:
        World(running).control("POST", "people", {"id": "extra", "name": "新人"})
        deadline = time.monotonic() + 1.5
        while "新人" not in written(tmp_path):
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
    assert '"extra"' in written(tmp_path)


def test_a_mark_writes_its_row_and_not_the_world(tmp_path: Path) -> None:
    app = create_sandbox(str(tmp_path))
    with serve(app) as running:
        world = World(running)
        world.act("populate", customers=300, fans=200, staff=["ZhaoMin"])
        tag = world.control("GET", f"library/{CORP}")["groups"][0]["tags"][0]["id"]
        store = sandbox_of(app).store
        store.save(everything=True)
        rows: list[int] = []
        write = store._write
        store._write = lambda found, whole: (rows.append(len(found)), write(found, whole))[1]  # type: ignore[method-assign]
        row = world.control("GET", "oracle/relations?limit=1")["relations"][0]
        body = {"userid": "ZhaoMin", "external_userid": row["external_userid"], "add_tag": [tag]}
        assert world.wecom("externalcontact/mark_tag", body)["errcode"] == 0
        store.save(everything=True)
        assert 1 <= sum(rows) <= 4
    with serve(create_sandbox(str(tmp_path))) as running:
        again = World(running)
        page = again.control("GET", "oracle/relations?limit=1000")
        assert page["total"] == 300
        assert [r["external_userid"] for r in page["relations"] if r["tags"]] == [row["external_userid"]]
        assert again.control("GET", "oracle/changes")["in_all"]["put"] == 1
        assert again.control("GET", "oracle/fans")["total"] == 200


def test_a_relation_that_went_is_gone_after_a_restart(tmp_path: Path) -> None:
    with serve(create_sandbox(str(tmp_path))) as running:
        world = World(running)
        world.act("add_friend", person="lin", userid="ZhaoMin")
        world.act("add_friend", person="wang", userid="ZhaoMin")
        time.sleep(0.7)
        world.act("staff_delete", person="lin", userid="ZhaoMin")
    with serve(create_sandbox(str(tmp_path))) as running:
        rows = World(running).control("GET", "oracle/relations")["relations"]
        assert [row["person"] for row in rows] == ["wang"]


def test_the_state_of_an_older_sandbox_is_taken_over(tmp_path: Path) -> None:
    app = create_sandbox()
    with serve(app) as running:
        World(running).act("add_friend", person="lin", userid="ZhaoMin", state="old")
        text = json.dumps(sandbox_of(app).world.data, default=lambda edge: edge.plain())
    (tmp_path / "sandbox.json").write_text(text, encoding="utf-8")
    for _ in range(2):
        with serve(create_sandbox(str(tmp_path))) as running:
            shown = World(running).control("GET", f"view/{CORP}/ZhaoMin")["customers"]
            assert shown[0]["state"] == "old"
