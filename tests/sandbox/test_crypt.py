"""The sandbox's cipher against the worked examples of the reference pages."""

from pathlib import Path

import pytest

from tests.sandbox.opening import sha, unseal
from wxtag.sandbox import crypt

WECOM = {
    "token": "demoToken01",
    "key": "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
    "receiver": "wwdemocorp000001",
    "stamp": "1735700000",
    "nonce": "nonce77",
}
ECHO = "Al31VOORMRWx6emIpmL5qkV+QjLja2ZZhBrI1odMLWPBo7c5T7y3vxiTVDpsk0Jw0kFYaR8xs8Nx6hJngwv/ew=="
TAG_EVENT = (
    "<xml><ToUserName><![CDATA[wwdemocorp000001]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
    "<CreateTime>1735700000</CreateTime><MsgType><![CDATA[event]]></MsgType>"
    "<Event><![CDATA[change_external_tag]]></Event><Id><![CDATA[etDEMO0001]]></Id>"
    "<TagType><![CDATA[tag]]></TagType><ChangeType><![CDATA[create]]></ChangeType></xml>"
)
KEY = "Q2hhbm5lbEtleUZvclNjcm1Db25uZWN0b3JUZXN0MDE"
FOLLOW = (
    "<xml><ToUserName><![CDATA[gh_0a1b2c3d4e5f]]></ToUserName>"
    "<FromUserName><![CDATA[oScrm0_demo-fan-openid-00001]]></FromUserName>"
    "<CreateTime>1790000000</CreateTime><MsgType><![CDATA[event]]></MsgType>"
    "<Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[qrscene_store-017]]></EventKey>"
    "<Ticket><![CDATA[gQH_own_ticket_example]]></Ticket></xml>"
)
SESSION = (
    '{"ToUserName":"gh_5f4e3d2c1b0a","FromUserName":"oMini0_demo-user-openid-0001",'
    '"CreateTime":1790000010,"MsgType":"event","Event":"user_enter_tempsession",'
    '"SessionFrom":"from=store17xxxx"}'
)
SESSION_SEALED = (
    "vWY8lp2lt6kE9QKUR+4MI/2gnug9JRdS6sqRLhvDrSVAOkG3+L9J4HjbtI3PfEpHxtzR/4bwkBK7FwRj/nRIID5sLpXuR37Vr8DqHq/d1k"
    "ihMqjcFGZN/y78ukSIMnBM5MZtodkFO+A0rsoJQnGl1CVPP5ciIIQK1iqSeoRMaVPtmyIa+1wbYRnvkk6VOP7JgmHFI8VAiQXIFPaLl+DY"
    "EnLS9Dbq1EypQM59nshC8d6r7ev9JkX8tyYdz8BluXL66rf2js91z//nobspOzN+M7AWFO9tgV0cFK8AsrEV2lSodJm78nZ2TboTFV9mH7"
    "TBXqfTdMvloVYXM8elYzOjsw=="
)
VECTORS = Path(__file__).parent / "vectors"


def test_wecom_url_check() -> None:
    made = crypt.encrypt(WECOM["key"], "4815162342", WECOM["receiver"], b"0123456789abcdef")
    assert made == ECHO
    assert unseal(WECOM["key"], ECHO) == ("4815162342", WECOM["receiver"], 18)
    sign = crypt.signature(WECOM["token"], WECOM["stamp"], WECOM["nonce"], ECHO)
    assert sign == "806828a7d15cda0dfe4acd547a8c7ad4f705afa5"


def test_wecom_push() -> None:
    sealed = (VECTORS / "wecom_push.txt").read_text().strip()
    assert crypt.encrypt(WECOM["key"], TAG_EVENT, WECOM["receiver"], b"fedcba9876543210") == sealed
    assert crypt.decrypt(WECOM["key"], sealed) == (TAG_EVENT, WECOM["receiver"])
    sign = crypt.signature(WECOM["token"], WECOM["stamp"], WECOM["nonce"], sealed)
    assert sign == "c06f95c199fe411f8a618528cde59afee7b6c468"


def test_official_account_vector() -> None:
    sealed = (VECTORS / "oa_push.txt").read_text().strip()
    assert crypt.encrypt(KEY, FOLLOW, "wx5c0ffee5c0ffee01", b"0123456789abcdef") == sealed
    token, stamp, nonce = "scrmPushTok2026", "1790000001", "731905244"
    assert crypt.signature(token, stamp, nonce) == "066437ef1b55005fbd3eb4eae338fa8421f5866d"
    assert crypt.signature(token, stamp, nonce, sealed) == "0cd4047db1be13ab8f3dc2d5422d121a05324aa8"


def test_mini_program_vector_with_a_whole_block_of_padding() -> None:
    assert crypt.encrypt(KEY, SESSION, "wx5c0ffee5c0ffee02", b"00112233445566aa") == SESSION_SEALED
    assert unseal(KEY, SESSION_SEALED) == (SESSION, "wx5c0ffee5c0ffee02", 32)
    token, stamp, nonce = "scrmMiniTok2026", "1790000011", "445566"
    assert crypt.signature(token, stamp, nonce, SESSION_SEALED) == "0aaa0629d893368373a0d1f99edec7977d2508a7"
    assert crypt.signature(token, stamp, nonce) == "2ca2d26da2b7535028208d6b298e3447d6cd8fdf"


def test_url_check_value_sorts_bytewise() -> None:
    assert crypt.signature("scrmMiniTok2026", "1790000012", "778899") == sha(
        "scrmMiniTok2026", "1790000012", "778899"
    )
    assert sha("scrmMiniTok2026", "1790000012", "778899") == "ce7806969cad987bfae5429a1963f9cbbcc95665"


@pytest.mark.parametrize("length", range(33))
def test_every_padding_is_opened(length: int) -> None:
    message = "x" * length
    assert crypt.decrypt(KEY, crypt.encrypt(KEY, message, "wx1")) == (message, "wx1")


@pytest.mark.parametrize("sealed", ["", "%%%", "AAAA", ECHO])
def test_nonsense_is_unreadable(sealed: str) -> None:
    with pytest.raises(crypt.Unreadable):
        crypt.decrypt(KEY, sealed)
