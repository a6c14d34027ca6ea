"""An attempt keeps what it really sent and got back, whatever its trigger says later."""

import hashlib
import json
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.actions import exchange
from app.db import Database
from app.db.models import execution_attempts
from app.egress import PUBLIC_ONLY
from app.executions import attempts, prune, retention_queries
from app.intake import sources
from app.settings import Settings, from_environment
from app.triggers import manage
from app.worker import loop
from app.worker.loop import Worker
from app.worker.settlement_queue import SettlementQueue
from tests.integration.conftest import WriteScript
from tests.support import factories
from tests.support.samples import SECRET
from tests.support.sink import Sink

BODY = b'{ "a":1,\r\n\t"b": "\xc3\xbc" }\n'
OF_CONNECTION = {"host", "content-length", "connection"}

pytestmark = pytest.mark.usefixtures("longest_waits")


def worked(
    database: Database, settings: Settings, body: bytes | None = BODY, **trigger: Any
) -> int:
    """Return the id of an execution after a worker has run its attempt."""
    event = trigger.pop("event_data", '{"normalised":true}')
    trigger_id = factories.trigger(database, **{"action_type": "http"} | trigger)
    execution_id = factories.execution(database, trigger_id, event_data=event)
    if body is not None:
        factories.request_of(database, execution_id, body, "text/plain")
    Worker(database, settings, concurrency=2).run_once()
    return execution_id


def exchanged(database: Database, execution_id: int) -> tuple[Any, Any]:
    """Return `sent` and `response` of the only attempt, as the API shows them."""
    (row,) = [each for each in factories.executions(database) if each.id == execution_id]
    with database.reading() as connection:
        (attempt,) = attempts.of_execution(connection, row)
    return attempt["sent"], attempt["response"]


def test_an_attempt_keeps_what_the_target_received_and_answered(
    database: Database, settings: Settings, sink: Sink
) -> None:
    sink.status, sink.headers, sink.body = 503, {"Retry-After": "9", "X-Node": "n1"}, b"not now"
    execution_id = worked(database, settings, action_payload=f"{sink.url}/in")
    (execution,) = factories.executions(database)
    manage.update_trigger(database, execution.trigger_id, {"action_payload": "http://other.test/"})

    sent, response = exchanged(database, execution_id)

    (received,) = sink.received
    got = {n.lower(): v for n, v in received.headers.items() if n.lower() not in OF_CONNECTION}
    shown = {name.lower(): value for name, value in sent["headers"].items()}
    assert shown.pop("webhook-signature") == "********"
    assert shown == {name: got[name] for name in shown}
    assert shown.keys() == got.keys() - {"webhook-signature"}
    assert (sent["method"], sent["url"]) == ("POST", f"{sink.url}/in")
    assert sent["idempotency_key"] == got["idempotency-key"] == str(execution_id)
    assert (sent["body"], sent["body_from"]) == (BODY.decode(), "request")
    assert (sent["body_bytes"], sent["body_sha256"]) == (
        len(received.body),
        hashlib.sha256(received.body).hexdigest(),
    )
    assert (response["status"], response["body"]) == (503, "not now")
    assert (response["headers"]["Retry-After"], response["headers"]["X-Node"]) == ("9", "********")


def test_a_success_keeps_its_response_too(
    database: Database, settings: Settings, sink: Sink
) -> None:
    execution_id = worked(database, settings, None, action_payload=sink.url)

    sent, response = exchanged(database, execution_id)

    assert (sent["body"], sent["body_from"]) == ('{"normalised":true}', "event")
    assert (response["status"], response["body"]) == (200, "thank you")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_an_empty_body_is_shown_as_it_was_sent(
    database: Database, settings: Settings, sink: Sink
) -> None:
    execution_id = worked(database, settings, b"", action_payload=sink.url)

    sent, _ = exchanged(database, execution_id)

    assert sink.received[0].body == b""
    assert (sent["body"], sent["body_bytes"], sent["body_from"]) == ("", 0, "request")


def test_a_target_without_a_response_has_got_the_request(
    database: Database, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread = threading.Thread(target=hang_up, args=(server,))
        thread.start()
        sent, response = exchanged(database, worked(database, settings, action_payload=url))
        thread.join()

    assert (sent["url"], response) == (url, None)


def hang_up(server: socket.socket) -> None:
    """Accept a connection, and close it once a request begins to arrive."""
    connection, _ = server.accept()
    with connection:
        connection.recv(64 * 1024)


def test_nothing_was_sent_where_no_connection_was_made(
    database: Database, settings: Settings, sink: Sink
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once_there:
        port = once_there.getsockname()[1]
    closed = worked(database, settings, action_payload=f"http://127.0.0.1:{port}/")
    public = replace(settings, hookonce_egress_allow=PUBLIC_ONLY)
    refused = worked(database, public, action_payload=sink.url)
    unreadable = worked(database, settings, action_payload="no address")

    found = [exchanged(database, each) for each in (closed, refused, unreadable)]

    assert found == [(None, None)] * 3
    assert sink.received == []


def test_no_secret_is_kept_that_is_sent_or_that_the_target_repeats(
    database: Database, settings: Settings, sink: Sink
) -> None:
    url = f"{sink.url}/hooks/B0canary0123456789abcdef?code=canary-2"
    options = {"url": url, "headers": {"X-Auth": "Token canary-3"}, "secret": "canary-4"}
    sink.headers = {"X-Request-Id": "canary-3", "Via": f"{SECRET} canary-4", "Date-canary-2": "x"}

    execution_id = worked(database, settings, action_payload=json.dumps(options))

    stored = str(factories.attempts(database)) + str(exchanged(database, execution_id))
    assert "canary" not in stored
    assert SECRET not in stored
    assert "canary-3" in str(sink.received[0].headers)


@pytest.mark.parametrize(
    ("script", "response"),
    [
        ("exit 0", {"exit_status": 0, "signal": None}),
        ("exit 3", {"exit_status": 3, "signal": None}),
        ("kill -9 $$", {"exit_status": None, "signal": 9}),
    ],
)
def test_a_script_keeps_its_command_and_its_exit(
    database: Database,
    settings: Settings,
    write_script: WriteScript,
    script: str,
    response: dict[str, Any],
) -> None:
    name = write_script(script)
    trigger = {"action_type": "script", "action_payload": f"{name} --token t-canary 'to ana'"}

    sent, got = exchanged(database, worked(database, settings, **trigger))

    program = str(settings.hookonce_scripts_dir / name)
    assert sent["command"] == [program, "--token", "********", "to ana"]
    assert (sent["body"], sent["body_from"]) == ('{"normalised":true}', "event")
    assert {each: got[each] for each in response} == response


def test_a_script_that_timed_out_has_no_exit(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    payload = {"command": write_script("sleep 60"), "timeout_seconds": 0.2}
    trigger = {"action_type": "script", "action_payload": json.dumps(payload)}

    sent, got = exchanged(database, worked(database, settings, **trigger))

    assert (len(sent["command"]), got) == (1, None)


def test_a_message_made_of_the_event_goes_with_the_payload(
    database: Database, settings: Settings, sink: Sink
) -> None:
    options = {"url": sink.url, "apikey": "k-canary", "number": "5511999", "text": "Hi {name}"}
    trigger = {"action_type": "evolution_go", "action_payload": json.dumps(options)}
    long_ago = datetime.now(UTC) - timedelta(days=900)

    execution_id = worked(database, settings, event_data='{"name":"Ana"}', **trigger)
    sent, _ = exchanged(database, execution_id)
    assert json.loads(sent["body"]) == {"number": "5511999", "text": "Hi Ana"}
    assert (sent["body_from"], sent["headers"]["apikey"]) == ("own", "********")

    times = {"received_at": long_ago, "completed_at": long_ago}
    with database.writing() as connection:
        connection.execute(sa.update(prune.trigger_executions).values(times))
    rules = retention_queries.rules(
        database,
        sources.retry_seconds(),
        from_environment({"HOOKONCE_KEEP_PAYLOAD_DAYS": "2", "HOOKONCE_KEEP_ROWS_DAYS": "1000"}),
    )
    assert sum(step.payloads for step in prune.run(database, rules, threading.Event())) == 1

    sent, _ = exchanged(database, execution_id)
    assert (sent["body"], sent["body_bytes"] > 0) == (None, True)
    assert "Ana" not in str(factories.attempts(database))


def test_what_is_pruned_is_not_shown_as_what_was_sent(
    database: Database, settings: Settings, sink: Sink
) -> None:
    execution_id = worked(database, settings, None, action_payload=sink.url)
    with database.writing() as connection:
        connection.execute(sa.update(prune.trigger_executions).values(event_data=prune.EMPTY))

    sent, _ = exchanged(database, execution_id)

    assert (sent["body"], sent["body_bytes"]) == (None, len('{"normalised":true}'))


def test_a_fault_of_the_record_changes_no_outcome(
    database: Database,
    settings: Settings,
    sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("broken on purpose")

    monkeypatch.setattr(exchange, "_request", broken)

    execution_id = worked(database, settings, action_payload=sink.url)

    (row,) = factories.executions(database)
    assert (row.status, exchanged(database, execution_id)) == ("completed", (None, None))
    assert "could not be recorded" in caplog.text


def test_an_attempt_that_is_handed_back_keeps_what_it_sent(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    factories.execution(database, factories.trigger(database, action_payload=write_script("exit")))
    worker = Worker(database, settings)
    (attempt,) = worker._claim(worker._find_due_triggers())
    assert loop.run_and_classify(attempt) is not None

    SettlementQueue(database, settings, worker.owner, lambda: 0.5).hand_back([attempt])

    (row,) = factories.attempts(database)
    assert (row.outcome, "command" in row.sent) == ("lost", True)


def test_a_lost_attempt_has_none(database: Database, settings: Settings) -> None:
    trigger_id = factories.trigger(database, action_type="noop")
    expired = datetime.now(UTC) - timedelta(hours=1)
    execution_id = factories.execution(database, trigger_id, "running", lease_expires_at=expired)

    Worker(database, settings).run_once()

    with database.reading() as connection:
        query = sa.select(execution_attempts).order_by(execution_attempts.c.number)
        lost, *_ = connection.execute(query).all()
    assert (lost.execution_id, lost.outcome, lost.sent, lost.response) == (
        execution_id,
        "lost",
        None,
        None,
    )
