"""The story that the first start plays: people do things in the sandbox, and staff see what follows.

It talks to the sandbox alone, by HTTP, as a person does by clicking; the tag it waits for is what the
sandbox's WeCom shows to staff, whoever put it there and however.
"""

import argparse
import sys
import time
from typing import Any
from urllib.parse import quote

from config.embedded_http import NoAnswer, ask

OFFICIAL_ACCOUNT, MINI_PROGRAM, CORP = "wx5a17d0c0ffee0a01", "wx5a17d0c0ffee0b01", "ww5a17d0c0ffee0001"
PERSON, STAFF, TAG = "lin", "ZhaoMin", "浙江·杭州"
PATIENCE = 60.0

STEPS: list[tuple[str, str, dict[str, str]]] = [
    (
        "林晓扫门店码 store-017，关注公众号 · Lin follows the Official Account by a shop's code",
        "follow",
        {"person": "lin", "appid": OFFICIAL_ACCOUNT, "scene": "store-017"},
    ),
    (
        "林晓上报位置：杭州 · her phone reports a place in Hangzhou",
        "report_location",
        {"person": "lin", "appid": OFFICIAL_ACCOUNT, "city": "杭州"},
    ),
    (
        "林晓登录小程序 · she logs in to the mini-program",
        "mini_login",
        {"person": "lin", "appid": MINI_PROGRAM},
    ),
    (
        "赵敏通过海报码 poster-042 添加林晓 · Zhao of the sales staff becomes her contact",
        "add_friend",
        {"person": "lin", "corpid": CORP, "userid": STAFF, "state": "poster-042"},
    ),
    (
        "赵敏添加王强 · Wang becomes a contact of Zhao",
        "add_friend",
        {"person": "wang", "corpid": CORP, "userid": STAFF, "state": ""},
    ),
    (
        "王强关注公众号 · Wang follows",
        "follow",
        {"person": "wang", "appid": OFFICIAL_ACCOUNT, "scene": ""},
    ),
    (
        "王强上报位置：上海 · his phone reports a place in Shanghai",
        "report_location",
        {"person": "wang", "appid": OFFICIAL_ACCOUNT, "city": "上海"},
    ),
    (
        "梅子关注后发消息咨询 · Mei follows and only asks a question",
        "follow",
        {"person": "mei", "appid": OFFICIAL_ACCOUNT, "scene": ""},
    ),
    (
        "梅子：「今天几点关门？」",
        "send_text",
        {"person": "mei", "appid": OFFICIAL_ACCOUNT, "text": "今天几点关门？"},
    ),
]


def main() -> int:
    """0 when staff see the tag in time; else 1, and what did not happen is said."""
    parser = argparse.ArgumentParser(prog="config.story", description=__doc__)
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--started", type=float, required=True, help="monotonic time of the servers' start")
    chosen = parser.parse_args()
    try:
        for sentence, verb, body in STEPS:
            play(chosen.sandbox, sentence, verb, body)
        return 0 if wait(chosen.sandbox, chosen.started + PATIENCE, chosen.started) else 1
    except NoAnswer as error:
        print(f"演示中断 · the story broke off: {error}")
        return 1


def play(sandbox: str, sentence: str, verb: str, body: dict[str, str]) -> None:
    """One act. What cannot be done (it was done by a start that broke off) is said and left."""
    status, answer = ask("POST", f"{sandbox}/sandbox/act/{verb}", body)
    if status == 200:
        print(sentence)
    else:
        reason = answer.get("error") if isinstance(answer, dict) else answer
        print(f"{sentence} —— 跳过 · skipped: {reason}")


def wait(sandbox: str, deadline: float, started: float) -> bool:
    """Looks at what staff see until the tag is there, or until the deadline; says which."""
    print("等待标签出现在赵敏的企业微信里 · waiting for the tag in Zhao's WeCom")
    shown: list[str] = []
    while time.monotonic() < deadline:
        shown = tags_of(sandbox, PERSON)
        if TAG in shown:
            seconds = time.monotonic() - started
            page = f"{sandbox}/"
            print(f"✔ 赵敏看到林晓的标签：{'、'.join(shown)}（服务启动后 {seconds:.1f} 秒）")
            print(f"✔ story told: {TAG} on Lin after {seconds:.1f} s; see {page}")
            return True
        time.sleep(0.3)
    instead = "、".join(shown) or "没有标签 (none)"
    print(f"✘ {PATIENCE:g} 秒内赵敏没有看到「{TAG}」· not there in time; Lin's tags: {instead}")
    return False


def tags_of(sandbox: str, person: str) -> list[str]:
    """The names of a customer's corp tags as that member of staff sees them."""
    status, view = ask("GET", f"{sandbox}/sandbox/view/{CORP}/{quote(STAFF)}")
    customers: list[dict[str, Any]] = view["customers"] if status == 200 else []
    return [tag["name"] for row in customers if row["person"] == person for tag in row["tags"]]


if __name__ == "__main__":
    sys.exit(main())
