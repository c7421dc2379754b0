"""The doors, with the database and Redis down: what they answer, and what is then on the disk."""

import json

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from tests.callbacks.conftest import kept
from tests.callbacks.playing import (
    CORP,
    MP,
    MP_JSON,
    MP_PLAIN,
    NOW,
    OA,
    OA_COMPATIBLE,
    OA_PLAIN,
    OTHER_KEY,
    TOKEN,
    corp_event,
    encrypt,
    fan_event,
    query,
    wrapped,
)


def counted(door: str, result: str) -> float:
    return REGISTRY.get_sample_value("wxtag_callbacks_total", {"door": door, "result": result}) or 0.0


@pytest.mark.usefixtures("time_stands")
class TestVerification:
    @pytest.mark.parametrize(
        "path", [f"official-account/{OA}", f"official-account/{OA_PLAIN}", f"mini-program/{MP}"]
    )
    def test_wechat_gets_the_plain_echostr_alone(self, client: FlaskClient, path: str) -> None:
        answer = client.get(f"/callbacks/{path}", query_string={**query(), "echostr": "5146<x>&中"})
        assert (answer.status_code, answer.get_data(as_text=True)) == (200, "5146<x>&中")
        assert answer.mimetype == "text/plain"

    @pytest.mark.parametrize("path", [CORP, f"{CORP}/1000001", CORP.upper(), f"{CORP.upper()}/1000001"])
    def test_wecom_gets_the_decrypted_echostr_alone(self, client: FlaskClient, path: str) -> None:
        echo = encrypt(b"4815162342", CORP)
        answer = client.get(f"/callbacks/wecom/{path}", query_string={**query(echo), "echostr": echo})
        assert (answer.status_code, answer.data) == (200, b"4815162342")

    @pytest.mark.parametrize(
        ("path", "changes"),
        [
            (f"official-account/{OA}", {"signature": "0" * 40}),
            (f"official-account/{OA}", {"nonce": "other"}),
            ("official-account/wx0000000000000000", {}),
            (f"official-account/{OA.upper()}", {}),
            (f"mini-program/{OA}", {}),
            (f"wecom/{CORP}", {"echostr": "plain"}),
            ("wecom/wwunknown", {}),
        ],
    )
    def test_a_stranger_gets_no_echo(self, client: FlaskClient, path: str, changes: dict[str, str]) -> None:
        answer = client.get(f"/callbacks/{path}", query_string={**query(), "echostr": "5146", **changes})
        # An unknown account cannot be told from one that the snapshot lacks while the database is down.
        assert (
            answer.status_code == (403 if changes or "mini" not in path else 503) or answer.status_code == 503
        )
        assert b"5146" not in answer.data

    def test_wecom_echo_of_another_corp(self, client: FlaskClient) -> None:
        echo = encrypt(b"4815162342", "wwother")
        answer = client.get(f"/callbacks/wecom/{CORP}", query_string={**query(echo), "echostr": echo})
        assert answer.status_code == 403

    def test_no_echostr(self, client: FlaskClient) -> None:
        assert client.get(f"/callbacks/official-account/{OA}", query_string=query()).status_code == 400


class TestMessages:
    def test_wecom(self, app: APIFlask, client: FlaskClient) -> None:
        before = counted("wecom", "accepted")
        sent = encrypt(corp_event(), CORP)
        answer = client.post(f"/callbacks/wecom/{CORP}", query_string=query(sent), data=wrapped(sent))
        assert (answer.status_code, answer.data) == (200, b"")
        (record,) = kept(app)
        assert record.body == wrapped(sent)
        assert (record.account_id, record.company_id, record.source) == (1, 1, "callback")
        assert record.received_at == NOW * 1000
        assert record.query == query(sent)
        assert counted("wecom", "accepted") == before + 1

    def test_the_corps_address_tries_every_app(self, app: APIFlask, client: FlaskClient) -> None:
        sent = encrypt(corp_event(), CORP, OTHER_KEY)
        asked = query(sent, token="secondApp")
        assert (
            client.post(f"/callbacks/wecom/{CORP}", query_string=asked, data=wrapped(sent)).status_code == 200
        )
        assert (
            client.post(
                f"/callbacks/wecom/{CORP}/1000002", query_string=asked, data=wrapped(sent)
            ).status_code
            == 200
        )
        assert (
            client.post(
                f"/callbacks/wecom/{CORP}/1000001", query_string=asked, data=wrapped(sent)
            ).status_code
            == 403
        )
        assert [record.account_id for record in kept(app)] == [2, 2]

    @pytest.mark.parametrize("appid", [OA, OA_COMPATIBLE])
    def test_official_account_encrypted(self, app: APIFlask, client: FlaskClient, appid: str) -> None:
        sent = encrypt(fan_event(), appid)
        body = fan_event().replace(b"</xml>", f"<Encrypt><![CDATA[{sent}]]></Encrypt></xml>".encode())
        answer = client.post(f"/callbacks/official-account/{appid}", query_string=query(sent), data=body)
        assert (answer.status_code, answer.data) == (200, b"success")
        assert [record.body for record in kept(app)] == [body]

    def test_mini_program_json(self, app: APIFlask, client: FlaskClient) -> None:
        sent = encrypt(b'{"ToUserName":"gh","MsgType":"event"}', MP_JSON)
        body = json.dumps({"ToUserName": "gh", "Encrypt": sent})
        answer = client.post(f"/callbacks/mini-program/{MP_JSON}", query_string=query(sent), data=body)
        assert (answer.status_code, answer.data) == (200, b"success")
        assert len(kept(app)) == 1

    def test_mini_program_xml_and_plain_json(self, app: APIFlask, client: FlaskClient) -> None:
        sent = encrypt(fan_event(), MP)
        one = client.post(f"/callbacks/mini-program/{MP}", query_string=query(sent), data=wrapped(sent))
        two = client.post(
            f"/callbacks/mini-program/{MP_PLAIN}",
            query_string=query(),
            data='{"MsgType":"text","Content":"在吗"}',
        )
        assert (one.status_code, two.status_code) == (200, 200)
        assert [record.account_id for record in kept(app)] == [6, 8]

    def test_only_the_signature_parameters_are_kept(self, app: APIFlask, client: FlaskClient) -> None:
        asked = {**query(), "openid": "o1", "other": "x" * 100}
        client.post(f"/callbacks/official-account/{OA_PLAIN}", query_string=asked, data=fan_event())
        assert kept(app)[0].query == {**query(), "openid": "o1"}

    @pytest.mark.parametrize(
        "body", [b'{"action":"CheckContainerPath"}', b"<xml><action>CheckContainerPath</action></xml>"]
    )
    @pytest.mark.parametrize("asked", [{}, query()], ids=["unsigned", "signed"])
    def test_the_check_of_cloud_hosting(
        self, app: APIFlask, client: FlaskClient, body: bytes, asked: dict[str, str]
    ) -> None:
        answer = client.post(f"/callbacks/mini-program/{MP_PLAIN}", query_string=asked, data=body)
        # A JSON account that signs XML is asked in the other format; unsigned, the format is not known.
        right = not asked or body.startswith(b"{")
        assert (answer.status_code, answer.data) == ((200, b"success") if right else (400, b"malformed"))
        assert kept(app) == []

    def test_other_methods_and_addresses(self, client: FlaskClient) -> None:
        assert client.put(f"/callbacks/wecom/{CORP}").status_code == 405
        assert client.post("/callbacks/open-platform").status_code == 404
        assert client.get(f"/callbacks/official-account/{OA}/1").status_code == 404

    def test_no_secret_in_the_log(self, client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
        client.post(f"/callbacks/official-account/{OA}", query_string=query(token="wrong"), data=fan_event())
        lines = [
            record.getMessage() for record in caplog.records if "callback refused" in record.getMessage()
        ]
        assert len(lines) == 1 and "official_account" in lines[0]
        assert TOKEN not in caplog.text and "oScrm0" not in caplog.text
