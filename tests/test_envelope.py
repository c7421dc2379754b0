"""The envelope: reference vectors, every mode and format, and what counts as the same message."""

import base64
import contextlib
import json
import os
import time

import pytest

from tests.callbacks.playing import (
    AES_KEY,
    CORP,
    MP,
    NOW,
    OA,
    OLD_KEY,
    OTHER_KEY,
    account,
    corp_event,
    encrypt,
    fan_event,
    query,
    sign,
    wrapped,
)
from wxtag.envelope import canonical, content_time, decrypt, open_echo, open_message, signature
from wxtag.envelope_parsing import MAX_DEPTH, parse
from wxtag.errors import Malformed, Refused

WECOM_ECHO = "Al31VOORMRWx6emIpmL5qkV+QjLja2ZZhBrI1odMLWPBo7c5T7y3vxiTVDpsk0Jw0kFYaR8xs8Nx6hJngwv/ew=="
WECOM_POST = (
    "9MJscZNZNJV/jvT6vjIjLkD9L1bC/s1Gf7jhPMD9rsRDHOqA7kMPuCv30Dtt1RRHHfNmmr4iFr2RFrYajW7Fw1OYASy9GPjWouMzZ3fc"
    "KgTd8S0kq7txHoUGr6knoafcZd6bejjNwfKpeNpJmuajVg82sXAqD2JkQx7/fFIlHkxBvtLxrZwOYiGSFu3AbEBYmqgbErYYdXfggp8o"
    "/YXCp5bmM4tytwWAmWwpM7RJ3ggZ6BCS5CUKtceO1Dx6CGE/H53bIswt7SJl1C8L9stVO/hA62/yjXyT3GM5v4LlI87geRJREP+nCLtO"
    "OlmwvY8Rf6CYcLgSk7C0LMrM7aZrvtkn86jmfrbJhUFOEmuA/tmKRlJLLgCzGC4OPaTCu7dgR8y5nzqpv7mKyK/pxt5mh9uSune2298I"
    "DBd9jnHX/drirA/K7TlP0N4ZcoiR/i/h0urFVcNNBEEkV6jCWIfNBytzipC//ChaXAm8BguFIbg75czZB/mT+80KoP8yuoVr"
)
VECTOR_A = (
    "yl0zkrFkfJdC/rRQaIYRpAmt7xRv+6XfzLYs7jKk4EPL7crMp4SUJPYbkYgQsr6ExtKdK4mCtX5t0d8fYPAt5yb/R4gAJ//BLwUSzhz8"
    "LKeQBCr72wgVT0xfU8jglq5q65GZ+G6SOwzBV5CErIBt2+O7nEaL2Kzkxusk8sawN9Ekbf/EOsh9pkb16ZIxNAMfnQ1DILoHr1Y7xpFP"
    "ARJQzGxcoZK+BfEtzIexuS4DY/trOg9AyUq1RIr4IaWRYOzhtVkZzTvUdftD9+I9NpexxLQ09AQ1SLWjlVKQAEQuwCL43IDs2zK/1oGR"
    "QRl5GkQiK2/DGpkeotnHsgPekOEX1EIQr/S9IvvEf+3Q/LdnezioUv3SiLtZ6EhZrJJLnZ0yMBpU0u6H/7GaZ0P8XyMThXyqYFq3wmtR"
    "CpMmnX5SCK/4pYbUmIaJAlgEI8en/TAANmjIS1a8uEtcinbVmnoCC6wue6GlD6INuafnQXLH/D9dIoXUe2AmJRRYLDX4O0Zg"
)
VECTOR_B = (
    "vWY8lp2lt6kE9QKUR+4MI/2gnug9JRdS6sqRLhvDrSVAOkG3+L9J4HjbtI3PfEpHxtzR/4bwkBK7FwRj/nRIID5sLpXuR37Vr8DqHq/d"
    "1kihMqjcFGZN/y78ukSIMnBM5MZtodkFO+A0rsoJQnGl1CVPP5ciIIQK1iqSeoRMaVPtmyIa+1wbYRnvkk6VOP7JgmHFI8VAiQXIFPaL"
    "l+DYEnLS9Dbq1EypQM59nshC8d6r7ev9JkX8tyYdz8BluXL66rf2js91z//nobspOzN+M7AWFO9tgV0cFK8AsrEV2lSodJm78nZ2TboT"
    "FV9mH7TBXqfTdMvloVYXM8elYzOjsw=="
)
CORP_ACCOUNT = account("wecom", CORP, previous_aes_key=OLD_KEY)
OA_ACCOUNT = account("official_account", OA)


class TestReferenceVectors:
    wecom = account("wecom", "wwDemoCorp000001", token="demoToken01", aes_key=OLD_KEY)

    def test_wecom_verification(self) -> None:
        asked = {
            "msg_signature": "806828a7d15cda0dfe4acd547a8c7ad4f705afa5",
            "timestamp": "1735700000",
            "nonce": "nonce77",
            "echostr": WECOM_ECHO,
        }
        assert open_echo(self.wecom, asked) == b"4815162342"

    def test_wecom_post(self) -> None:
        asked = {
            "msg_signature": "c06f95c199fe411f8a618528cde59afee7b6c468",
            "timestamp": "1735700000",
            "nonce": "nonce77",
        }
        message = open_message(self.wecom, asked, wrapped(WECOM_POST, "wwdemocorp000001", AgentID="1000012"))
        assert message.encrypted and message.receiver == "wwdemocorp000001"
        assert message.content["Id"] == "etDEMO0001" and message.content["ChangeType"] == "create"
        assert content_time(message.content) == 1_735_700_000_000
        assert decrypt(OLD_KEY, WECOM_POST).random == b"fedcba9876543210"

    def test_official_account_vector_a(self) -> None:
        assert (
            signature("scrmPushTok2026", "1790000001", "731905244")
            == "066437ef1b55005fbd3eb4eae338fa8421f5866d"
        )
        asked = {
            "signature": "066437ef1b55005fbd3eb4eae338fa8421f5866d",
            "msg_signature": "0cd4047db1be13ab8f3dc2d5422d121a05324aa8",
            "timestamp": "1790000001",
            "nonce": "731905244",
            "encrypt_type": "aes",
        }
        message = open_message(OA_ACCOUNT, asked, wrapped(VECTOR_A, "gh_0a1b2c3d4e5f"))
        assert message.content["EventKey"] == "qrscene_store-017"
        assert message.content["Ticket"] == "gQH_own_ticket_example"

    def test_mini_program_vector_b_with_a_pad_of_32(self) -> None:
        mini = account("mini_program", MP, token="scrmMiniTok2026", format="json")
        asked = {
            "msg_signature": "0aaa0629d893368373a0d1f99edec7977d2508a7",
            "timestamp": "1790000011",
            "nonce": "445566",
        }
        body = json.dumps({"ToUserName": "gh_5f4e3d2c1b0a", "Encrypt": VECTOR_B}).encode()
        message = open_message(mini, asked, body)
        assert message.content["SessionFrom"] == "from=store17xxxx"
        assert message.content["CreateTime"] == 1_790_000_010

    def test_plain_verification(self) -> None:
        mini = account("mini_program", MP, token="scrmMiniTok2026")
        asked = {
            "signature": "ce7806969cad987bfae5429a1963f9cbbcc95665",
            "timestamp": "1790000012",
            "nonce": "778899",
            "echostr": "51462<b>",
        }
        assert open_echo(mini, asked) == b"51462<b>"


class TestModes:
    def test_every_padding_is_read(self) -> None:
        for length in range(1, 65):
            message = b"x" * length
            assert decrypt(AES_KEY, encrypt(message, CORP)) == (b"0123456789abcdef", message, CORP)

    def test_random_bytes_need_not_be_text(self) -> None:
        assert decrypt(AES_KEY, encrypt(b"m", CORP, random=bytes(range(240, 256)))).message == b"m"

    def test_a_key_with_spare_bits_in_its_last_character(self) -> None:
        spare = AES_KEY[:-1] + "H"  # E and H differ only in the bits that no byte uses
        assert base64.b64decode(spare + "=") == base64.b64decode(AES_KEY + "=")
        assert decrypt(spare, encrypt(b"m", CORP)).message == b"m"

    def test_the_previous_aes_key_still_opens(self) -> None:
        sent = encrypt(corp_event(), CORP, OLD_KEY)
        assert open_message(CORP_ACCOUNT, query(sent), wrapped(sent)).content["UserID"] == "zhao"

    def test_a_corpid_is_compared_without_case(self) -> None:
        sent = encrypt(corp_event(ToUserName=CORP.upper()), CORP.upper())
        assert open_message(CORP_ACCOUNT, query(sent), wrapped(sent, CORP.upper())).receiver == CORP

    def test_an_appid_is_compared_with_case(self) -> None:
        sent = encrypt(fan_event(), OA.upper())
        with pytest.raises(Refused) as refused:
            open_message(OA_ACCOUNT, query(sent), wrapped(sent))
        assert refused.value.reason == "receiver"

    @pytest.mark.parametrize("lower", [False, True])
    def test_wecom_json_in_both_spellings(self, lower: bool) -> None:
        inner = {"ToUserName": CORP, "MsgType": "event", "Event": "x", "AgentID": 5}
        sent = encrypt(json.dumps(inner).encode(), CORP)
        outer = {"ToUserName": CORP, "AgentID": "5", "Encrypt": sent}
        if lower:
            outer = {key.lower(): value for key, value in outer.items()}
        assert open_message(CORP_ACCOUNT, query(sent), json.dumps(outer).encode()).content == inner

    def test_compatible_mode_prefers_what_was_encrypted(self) -> None:
        both = account("official_account", OA, mode="compatible")
        sent = encrypt(fan_event(EventKey="true"), OA)
        body = fan_event(EventKey="forged").replace(
            b"</xml>", b"<Encrypt>" + sent.encode() + b"</Encrypt></xml>"
        )
        message = open_message(both, query(sent), body)
        assert message.content["EventKey"] == "true" and message.encrypted
        with pytest.raises(Refused):
            open_message(both, {**query(), "encrypt_type": "aes"}, body)

    @pytest.mark.parametrize("mode", ["safe", "compatible"])
    def test_a_plain_body_is_refused_where_encryption_is_bound(self, mode: str) -> None:
        with pytest.raises(Refused) as refused:
            open_message(account("official_account", OA, mode=mode), query(), fan_event())
        assert refused.value.reason == "unencrypted"

    def test_plain_mode(self) -> None:
        plain = account("official_account", OA, mode="plain", aes_key="")
        message = open_message(plain, query(), fan_event(EventKey="a]]]]><![CDATA[>b"))
        assert message.content["EventKey"] == "a]]>b" and not message.encrypted and message.receiver == OA
        with pytest.raises(Refused):
            open_message(plain, query(token="another"), fan_event())

    def test_a_plain_account_takes_the_stronger_proof_after_a_switch(self) -> None:
        switched = account("official_account", OA, mode="plain")
        sent = encrypt(fan_event(), OA)
        assert open_message(switched, query(sent), wrapped(sent)).encrypted
        with pytest.raises(Refused):
            open_message(switched, {**query(sent), "msg_signature": "0" * 40}, wrapped(sent))

    def test_mini_program_formats(self) -> None:
        text = b'{" ToUserName":"gh","MsgType":"text","MsgId":24810012345678999,"List":[{"a":"1"}]}'
        mini = account("mini_program", MP, mode="plain", format="json")
        assert open_message(mini, query(), text).content == {
            "ToUserName": "gh",
            "MsgType": "text",
            "MsgId": 24810012345678999,
            "List": [{"a": "1"}],
        }
        with pytest.raises(Malformed):
            open_message(mini, query(), fan_event())

    def test_signatures_of_strange_text_are_only_wrong(self) -> None:
        for given in ("é", "\udcff", "", "0" * 40):
            with pytest.raises(Refused):
                open_message(account("official_account", OA, mode="plain"), {"signature": given}, fan_event())

    def test_signature_sorts_bytewise(self) -> None:
        assert signature("b", "B", "1") == sign("b", "B", "1")


class TestParsing:
    def test_nested_and_repeated_elements(self) -> None:
        text = b"<xml><A><B>1</B><B>2</B><B/></A><C> x </C><D>\n<E>y</E>\n</D></xml>"
        assert parse(text) == ("xml", {"A": {"B": ["1", "2", ""]}, "C": " x ", "D": {"E": "y"}})

    def test_depth(self) -> None:
        fits = MAX_DEPTH - 1
        parse(b"<xml>" + b"<a>" * fits + b"</a>" * fits + b"</xml>")
        parse(b'{"a":' + b"[" * fits + b"]" * fits + b', "b": "' + b"[" * 100 + b'"}')
        for deep in (
            b"<xml>" + b"<a>" * 20 + b"</a>" * 20 + b"</xml>",
            b'{"a":' + b"[" * 20 + b"]" * 20 + b"}",
        ):
            with pytest.raises(Malformed) as refused:
                parse(deep)
            assert refused.value.reason == "depth"

    @pytest.mark.parametrize(
        "hostile",
        [
            b'{"a":"' + b'\\"' * 500_000,
            b'{"a":[' + b"[]," * 30 + b'"' + b'\\"' * 300_000,
            b"{" + b'"[' * 500_000,
            b"{" + b"[" * 1_000_000,
            b"<xml>" + b"<a>" * 300_000,
            b"<xml>" + b"<a/>" * 200_000 + b"</xml>",
            b"<xml " + b" ".join(b"a%d='x'" % n for n in range(60_000)) + b"/>",
        ],
        ids=lambda body: repr(body[:12]),
    )
    def test_hostile_bodies_cost_no_time(self, hostile: bytes) -> None:
        began = time.monotonic()
        with contextlib.suppress(Malformed):
            parse(hostile)
        assert time.monotonic() - began < 3


def opened(message: bytes, **how: object) -> bytes:
    """The canonical form of a corp's message after its way through the envelope."""
    sent = encrypt(message, CORP, random=os.urandom(16))
    return canonical(open_message(CORP_ACCOUNT, query(sent, **how), wrapped(sent)).content)  # type: ignore[arg-type]


class TestSameMessage:
    def test_encrypted_anew_with_another_time(self) -> None:
        assert opened(corp_event()) == opened(corp_event(), at=NOW + 5, nonce="other")

    def test_at_another_apps_address(self) -> None:
        second = account("wecom", CORP, 2, agentid=1000002, token="secondApp", aes_key=OTHER_KEY)
        sent = encrypt(corp_event(AgentID="1000002"), CORP, OTHER_KEY)
        there = open_message(second, query(sent, token="secondApp"), wrapped(sent, AgentID="1000002"))
        assert canonical(there.content) == opened(corp_event(AgentID="1000001"))
        assert there.receiver == CORP

    def test_order_of_elements_and_type_of_numbers(self) -> None:
        assert canonical({"CreateTime": 1, "MsgType": "x", "D": [{"n": 2}]}) == canonical(
            {"D": [{"n": "2"}], "MsgType": "x", "CreateTime": "1"}
        )
        assert canonical({"agentid": 1, "encrypt": "x", "a": ""}) == canonical({"AgentID": "2", "a": ""})

    def test_nested_agentid_is_content(self) -> None:
        assert canonical({"a": {"AgentID": "1"}}) != canonical({"a": {"AgentID": "2"}})


class TestDifferentMessages:
    """Each pair was taken for one event by a system that we looked at."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            pytest.param(
                corp_event(Event="change_external_tag", ChangeType="create", TagType="tag", Id="etA"),
                corp_event(Event="change_external_tag", ChangeType="create", TagType="tag", Id="etB"),
                id="two tags of a group made in one second",
            ),
            pytest.param(
                corp_event(Event="change_external_tag", ChangeType="create", TagType="tag_group", Id="etA"),
                corp_event(Event="change_external_tag", ChangeType="create", TagType="tag", Id="etA"),
                id="a group and a tag",
            ),
            pytest.param(
                corp_event(ExternalUserID="wmAbC"),
                corp_event(ExternalUserID="wmabc"),
                id="two customers added by one staff in one second, ids that differ in case",
            ),
            pytest.param(corp_event(UserID="zhao"), corp_event(UserID="lin"), id="two staff"),
            pytest.param(
                corp_event(ChangeType="add_half_external_contact"), corp_event(), id="half and whole add"
            ),
            pytest.param(corp_event(State="a"), corp_event(State="b"), id="two channels"),
            pytest.param(
                corp_event(MsgType="text", MsgId="1", Content="a"),
                corp_event(MsgType="text", MsgId="1", Content="b"),
                id="one MsgId, two contents",
            ),
            pytest.param(
                corp_event(FromUserName="o1", MsgId="1"),
                corp_event(FromUserName="o2", MsgId="1"),
                id="one MsgId, two people",
            ),
            pytest.param(
                corp_event(Event="CLICK", EventKey="a"),
                corp_event(Event="CLICK", EventKey="b"),
                id="two menu keys",
            ),
            pytest.param(corp_event(), corp_event(CreateTime=NOW + 1), id="a second later"),
        ],
    )
    def test_both_count(self, one: bytes, other: bytes) -> None:
        assert opened(one) != opened(other)

    def test_parts_do_not_run_into_each_other(self) -> None:
        assert canonical({"a": "b", "c": ""}) != canonical({"a": "", "c": "b"})
        assert canonical({"a": ["1", "2"]}) != canonical({"a": "12"})


class TestContentTime:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ({"CreateTime": "1790000000"}, 1_790_000_000_000),
            ({"CreateTime": 1790000000}, 1_790_000_000_000),
            ({"TimeStamp": "1790000000"}, 1_790_000_000_000),
            ({"createtime": 5}, 5000),
            ({}, None),
            ({"CreateTime": ""}, None),
            ({"CreateTime": "-1"}, None),
            ({"CreateTime": "²"}, None),
            ({"CreateTime": "9" * 30}, None),
            ({"CreateTime": {"a": "1"}}, None),
        ],
    )
    def test_reads_seconds(self, content: dict[str, object], expected: int | None) -> None:
        assert content_time(content) == expected


def test_secrets_do_not_show() -> None:
    broken = account("official_account", OA, aes_key="short", mode="safe")
    sent = encrypt(fan_event(), OA)
    with pytest.raises(Malformed) as refused:
        open_message(broken, query(sent), wrapped(sent))
    assert "short" not in str(refused.value)
