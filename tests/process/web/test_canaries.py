"""No secret appears in a log line, an error, a response, a printed table or a stored payload."""

import dataclasses
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import auth
from app.audit import UNNAMED
from app.db import Database
from app.notifications import channels
from app.notifications.channels import NewChannel
from app.settings import Settings
from app.triggers import manage
from tests.support.ledger import Ledger
from tests.support.schema_dump import data
from tests.support.service import Service, until
from tests.support.sink import LOOPBACK, Sink, listening
from tests.support.socket_sender import Sender

KEY = "canary-the-key-that-seals"
SIGNING = "canary-what-a-sender-signs-with"
BEFORE = "canary-what-it-signed-with-before"
PRESENTED = "canary-what-a-sender-presents"
IN_PAYLOAD = "canary-what-a-sender-writes-into-its-payload"
FOR_TARGET = "canary-what-a-target-is-signed-with"
HEADER = "canary-what-a-target-wants-as-a-header"
QUERY = "canary-what-a-target-wants-in-its-address"
CHANNEL = "canary-in-the-address-of-a-channel"
ENTERED = "canary-what-the-sender-signs-with-from-now-on"
UNKNOWN = "canary-in-a-header-that-no-list-names"


@pytest.fixture
def sealed(settings: Settings) -> Iterator[Database]:
    database = Database(dataclasses.replace(settings, hookonce_secret_key=(KEY,)))
    yield database
    database.dispose()


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    made = Service(
        tmp_path,
        DATABASE_URL=database_url,
        HOOKONCE_SCRIPTS_DIR=str(tmp_path),
        HOOKONCE_SECRET_KEY=KEY,
        HOOKONCE_LOG_LEVEL="DEBUG",
        HOOKONCE_EGRESS_ALLOW=LOOPBACK,
    )
    yield made
    made.remove()


def posted(port: int, path: str, body: object, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(
        "POST", path, json.dumps(body), {"Content-Type": "application/json", **headers}
    )
    answer = connection.getresponse()
    said = answer.status, f"{answer.getheaders()}{answer.read()!r}"
    connection.close()
    return said


@pytest.fixture
def echo() -> Iterator[Sink]:
    """Return a target that fails, and repeats the secrets of its request in its response."""
    with listening() as sink:
        sink.status, sink.body = 500, f"{HEADER} {QUERY}".encode()
        sink.headers = {"X-Request-Id": HEADER, "Via": f"{QUERY} {FOR_TARGET}", "X-Echo": HEADER}
        yield sink


def test_no_secret_is_seen_anywhere(
    service: Service, sealed: Database, database_url: str, tmp_path: Path, echo: Sink
) -> None:
    ledger = Ledger(sealed, tmp_path)
    signing = ledger.trigger("signing", script="env >&2; cat >&2; exit 1")
    manage.rotate_secret(sealed, "signing", 3600, BEFORE)
    manage.rotate_secret(sealed, "signing", 3600, SIGNING)
    presenting = manage.add_trigger(
        sealed,
        manage.NewTrigger(
            name="presenting",
            source="evolution",
            action_type="http",
            action_payload=json.dumps(
                {
                    "url": f"{echo.url}/?code={QUERY}",
                    "secret": FOR_TARGET,
                    "headers": {"X-Functions-Key": f"Token {HEADER}"},
                }
            ),
            secret=PRESENTED,
        ),
    )
    described = NewChannel("chat", "webhook", f"http://127.0.0.1:9/{CHANNEL}")
    _, channel_secret = channels.add(sealed, described)
    gunicorn = service.gunicorn()
    address = f"/api/triggers/webhook/{presenting.id}"
    message = {
        "event": "messages.upsert",
        "apikey": IN_PAYLOAD,
        "data": {"text": IN_PAYLOAD[:9]},
        "destination": f"https://hooks.acme.example{address}/{PRESENTED}",
    }
    by_proxies = {"X-Original-URI": f"{address}/{PRESENTED}", "X-Acme-Api-Key": IN_PAYLOAD}
    by_proxies |= {"X-Home": UNKNOWN, "Referer": f"https://a.example/?{UNKNOWN}"}
    tokens = {
        role: auth.add_token(sealed, UNNAMED, f"a {role}", role)[1] for role in ("viewer", "admin")
    }
    said = [
        Sender(gunicorn.port, signing.id, secret).post_event(f"k-{secret[:9]}-{number}")
        for number, secret in enumerate((SIGNING, BEFORE))
    ]
    answers = [
        posted(gunicorn.port, f"{address}/{PRESENTED}", message, **by_proxies),
        posted(gunicorn.port, f"{address}/{PRESENTED}-not", message),
        posted(gunicorn.port, address, message, **{"X-Webhook-Secret": PRESENTED}),
        posted(gunicorn.port, f"{address}/{PRESENTED}/and/more", message),
        posted(gunicorn.port, f"/api/nowhere/{PRESENTED}", message),
    ]
    until(lambda: data(database_url)["delivery_journal"], "the journal")
    worker = service.run("hookonce", "worker", "--once")
    printed = [
        service.run("hookonce", *command.split()).stdout
        for command in (
            "trigger list",
            "trigger list --json",
            "trigger show signing",
            "trigger show presenting --json",
            "trigger send signing",
            "check",
            "adopt --dry-run",
            "audit list --json",
            "delivery list --json",
            "delivery show 1 --json",
            "execution request 1 --json",
            "execution export",
            *(f"execution show {number}" for number in range(1, 5)),
            "secret status",
            "notify list",
            "notify test chat",
            "notify list --json",
            "worker --concurrency many",
            "workers --json",
            "breaker list --json",
            "trigger pause presenting --json",
            "trigger pause --all",
        )
    ]
    bearer = {"Authorization": f"Bearer {tokens['admin']}"}
    entered = [
        posted(gunicorn.port, f"/api/triggers/{signing.id}/regenerate-secret", body, **bearer)
        for body in ({"secret": ENTERED}, {"secret": ENTERED, "odd": ENTERED[:6]})
    ]
    pages = [
        gunicorn.get(path, {"Authorization": f"Bearer {token}"})
        for token in tokens.values()
        for path in (
            *("/api/triggers", f"/api/triggers/{presenting.id}", f"/triggers/{presenting.id}"),
            *("/api/audit", "/audit", "/executions/1", "/executions/2", "/dead", "/readyz"),
            *(f"/executions/{number}" for number in range(3, 5)),
            *(f"/api/triggers/executions/{number}" for number in range(1, 5)),
            *("/deliveries", "/deliveries/1", "/api/deliveries", "/api/deliveries/1"),
            *("/notifications", "/api/notifications"),
            *(f"/triggers/{presenting.id}/{page}" for page in ("setup", "edit", "rotate")),
            *(f"/triggers/{signing.id}/{page}" for page in ("setup", "edit", "rotate")),
            *("/triggers/new", "/triggers/new?source=evolution", "/triggers/new?source=stripe"),
            *("/", "/triggers", "/pause", "/workers", "/api/pause", "/api/workers"),
        )
    ]
    gunicorn.stop()

    assert {status for status, _ in pages} <= {200, 403}
    assert [each.status for each in said] == [200, 200]
    assert [status for status, _ in answers] == [200, 401, 200, 401, 404]
    assert [status for status, _ in entered] == [200, 422]
    assert len(ledger.executions()) >= 4
    assert f"code={QUERY}" in echo.received[0].path
    assert any(row["response"] for row in data(database_url)["execution_attempts"])
    read = [str(answers), str(entered), str(pages), *printed, str(data(database_url))]
    everywhere = [gunicorn.log(), worker.stdout, *read]
    journal = data(database_url)["delivery_journal"]
    assert "redacted" in {row["body_kept"] for row in journal}
    at_rest = (
        KEY,
        SIGNING,
        BEFORE,
        PRESENTED,
        IN_PAYLOAD,
        FOR_TARGET,
        HEADER,
        QUERY,
        UNKNOWN,
        CHANNEL,
        ENTERED,
    )
    at_rest = (*at_rest, str(channel_secret))
    for canary in (*at_rest, *tokens.values()):
        assert [text for text in everywhere if canary in text] == []
