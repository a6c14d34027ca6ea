"""A message reaches a signed webhook, a chat and a mail box, and only permitted addresses."""

import base64
import hashlib
import hmac
import json
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import alerting, egress
from app.actions.http_client import Client
from app.egress import PUBLIC_ONLY
from app.notifications import mail as mails
from app.notifications.channels import Channel
from app.notifications.message import Failure, Letter
from app.notifications.send import Courier
from app.notifications.states import BEGAN, Message
from app.settings import Settings
from tests.support import mail_server, targets
from tests.support.sink import LOOPBACK, Sink

LETTER = Letter(
    "ntf_1",
    [Message("no_worker", 0, BEGAN, {"since": "2026-01-31T23:59:00.000000Z"})],
    datetime(2026, 1, 31, tzinfo=UTC),
    "https://hooks.acme.example",
)
SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode()
PASSWORD = "canary-of-the-mail-server"


def courier(
    smtp: str = "", allow: str = f"{LOOPBACK},localhost", trusted: ssl.SSLContext | None = None
) -> Courier:
    server = alerting.read_mail_server(smtp) if smtp else None
    rules = egress.read(allow) if allow else PUBLIC_ONLY
    tls = trusted or ssl.create_default_context()
    return Courier(Settings(hookonce_smtp_url=server), Client(rules, tls=tls), tls)


def mail_channel(*recipients: str) -> Channel:
    return Channel(1, "ops", "email", ", ".join(recipients or ("ops@acme.example",)))


def test_a_webhook_is_signed_as_standard_webhooks_says(sink: Sink) -> None:
    channel = Channel(1, "ops", "webhook", f"{sink.url}/hook", SECRET)

    assert courier().send(channel, LETTER) is None

    (received,) = sink.received
    signed = f"ntf_1.{received.headers['webhook-timestamp']}.".encode() + received.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert received.headers["webhook-signature"] == f"v1,{expected}"
    assert received.headers["webhook-id"] == "ntf_1"
    assert json.loads(received.body)["type"] == "hookonce.notification"


def test_a_chat_gets_text_and_no_signature(sink: Sink) -> None:
    channel = Channel(1, "chat", "slack", f"{sink.url}/hooks/abc")

    assert courier().send(channel, LETTER) is None

    (received,) = sink.received
    assert json.loads(received.body)["text"].startswith("🔴 No worker runs")
    assert "webhook-signature" not in received.headers


def test_the_path_of_an_address_is_in_no_error(sink: Sink) -> None:
    sink.status, sink.body = 404, b"no_service canary-path"
    channel = Channel(1, "chat", "slack", f"{sink.url}/canary-path?canary-query")

    outcomes = [
        courier().send(channel, LETTER),
        courier(allow="").send(channel, LETTER),
        courier().send(replace(channel, address="http://localhost:9/canary-path"), LETTER),
    ]

    assert [bool(each) for each in outcomes] == [True] * 3
    assert "canary" not in str(outcomes)
    assert outcomes[0] == Failure(f"{sink.url} answered HTTP 404")
    assert "HOOKONCE_EGRESS_ALLOW" in str(outcomes[1])


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_is_sent_over_tls_with_a_password(tmp_path: Path, scheme: str) -> None:
    server, trusted = targets.certified(tmp_path, "localhost")
    with mail_server.listening(server, from_the_beginning=scheme == "smtps") as box:
        url = f"{scheme}://u:{PASSWORD}@localhost:{box.port}?from=h@acme.example"
        outcome = courier(url, trusted=trusted).send(mail_channel(), LETTER)

    assert outcome is None
    assert box.encrypted == [True]
    assert "[Hookonce] No worker runs" in box.mails[0]
    assert base64.b64encode(f"\0u\0{PASSWORD}".encode()).decode() in box.logins[0]


def test_a_password_is_sent_to_no_server_without_tls_or_with_another_name(tmp_path: Path) -> None:
    other, trusted = targets.certified(tmp_path, "other.example")
    outcomes = []
    for tls in (None, other):
        with mail_server.listening(tls) as box:
            url = f"smtp://u:{PASSWORD}@localhost:{box.port}?from=h@acme.example"
            outcomes.append(courier(url, trusted=trusted).send(mail_channel(), LETTER))
            assert (box.logins, box.mails) == ([], [])

    assert all(outcomes)
    assert PASSWORD not in str(outcomes)


def test_a_refused_recipient_keeps_the_mail_from_nobody_else() -> None:
    with mail_server.listening() as box:
        box.refuse = ("gone@",)
        by = courier(f"smtp+plain://127.0.0.1:{box.port}?from=h@acme.example")
        some = by.send(mail_channel("gone@acme.example", "ops@acme.example"), LETTER)
        none = by.send(mail_channel("gone@acme.example"), LETTER)

    assert some is None
    assert len(box.mails) == 1
    assert none == Failure("127.0.0.1 refused every recipient: 550")


@pytest.mark.parametrize("farewell", ["421 busy", "500 what?"])
def test_a_mail_that_was_taken_is_sent_whatever_the_server_says_at_the_end(farewell: str) -> None:
    with mail_server.listening() as box:
        box.farewell = farewell
        by = courier(f"smtp+plain://127.0.0.1:{box.port}?from=hookonce@acme.example")

        outcome = by.send(mail_channel(), LETTER)

    assert (outcome, len(box.mails)) == (None, 1)


def test_mail_goes_to_no_server_on_a_private_address() -> None:
    with mail_server.listening() as box:
        by = courier(f"smtp+plain://127.0.0.1:{box.port}?from=h@acme.example", allow="")
        outcome = by.send(mail_channel(), LETTER)

    assert "HOOKONCE_EGRESS_ALLOW" in str(outcome)
    assert box.mails == []


def test_without_a_mail_server_the_error_names_the_setting() -> None:
    assert "HOOKONCE_SMTP_URL" in str(courier().send(mail_channel(), LETTER))


@pytest.mark.parametrize("greeting", [b"hello\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_is_no_mail_server_is_called_that(greeting: bytes) -> None:
    def greet(_target: targets.Target, connection: object) -> None:
        connection.sendall(greeting)  # type: ignore[attr-defined]

    with targets.listening(greet) as target:
        by = courier(f"smtp+plain://127.0.0.1:{target.port}?from=h@acme.example")
        outcome = by.send(mail_channel(), LETTER)

    assert outcome == Failure("127.0.0.1 answered something that is not SMTP")


def test_a_server_that_drips_cannot_hold_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mails, "SECONDS", 1.0)

    def drip(target: targets.Target, connection: object) -> None:
        connection.sendall(b"220-")  # type: ignore[attr-defined]
        while not target.closing.wait(0.05):
            connection.sendall(b"x")  # type: ignore[attr-defined]

    with targets.listening(drip) as target:
        by = courier(f"smtp+plain://127.0.0.1:{target.port}?from=h@acme.example")
        outcome = by.send(mail_channel(), LETTER)

    assert "no answer came in time" in str(outcome)
