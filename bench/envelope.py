"""What verifying, decrypting and parsing a callback costs, beside wechatpy. Target: 0.3 of its time."""

import statistics
import time
from collections.abc import Callable

from wechatpy.enterprise import parse_message
from wechatpy.enterprise.crypto import WeChatCrypto

from bench import traffic
from wxtag.accounts import BoundAccount, account_key
from wxtag.envelope import open_message

TARGET = 0.3
ROUNDS = 9
TIMES = 2000
CORP = traffic.ACCOUNTS["corp"]["corpid"]


def main() -> int:
    """Prints both times of every round and the median of the ratios; 1 when the target was missed."""
    account = BoundAccount(
        id=1,
        company_id=1,
        kind="wecom",
        appid=CORP,
        key=account_key("wecom", CORP),
        agentid=1,
        name="bench",
        open_platform="",
        mode="safe",
        format="xml",
        secret="s",
        token=traffic.TOKEN,
        aes_key=traffic.KEY,
    )
    content = {
        "ToUserName": CORP,
        "FromUserName": "sys",
        "CreateTime": 1_790_000_000,
        "MsgType": "event",
        "Event": "change_external_contact",
        "ChangeType": "add_external_contact",
        "UserID": "zhao",
        "ExternalUserID": "wmBENCH0000000000000000000000001",
        "State": "poster-042",
        "WelcomeCode": "WC-bench",
    }
    body, query = traffic.envelope(CORP, content, "n0nce", 1_790_000_000)
    crypto = WeChatCrypto(traffic.TOKEN, traffic.KEY, CORP)

    def ours() -> str:
        return str(open_message(account, query, body).content["ExternalUserID"])

    def theirs() -> str:
        opened = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        return str(parse_message(opened)._data["ExternalUserID"])

    assert ours() == theirs() == content["ExternalUserID"]
    ratios = []
    print(f"{len(body)} bytes a callback\nround   ours, µs   wechatpy, µs   ratio")
    for turn in range(ROUNDS):
        one, other = _micros(ours), _micros(theirs)
        ratios.append(one / other)
        print(f"{turn + 1:>5}   {one:>8.1f}   {other:>12.1f}   {ratios[-1]:5.2f}")
    ratio = statistics.median(ratios)
    print(f"median ratio {ratio:.2f}; target {TARGET}: " + ("reached" if ratio <= TARGET else "MISSED"))
    return int(ratio > TARGET)


def _micros(act: Callable[[], str]) -> float:
    began = time.perf_counter()
    for _ in range(TIMES):
        act()
    return (time.perf_counter() - began) / TIMES * 1e6


if __name__ == "__main__":
    raise SystemExit(main())
