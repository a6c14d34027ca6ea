"""A worker forwards the event byte for byte, signed, and the response decides the outcome."""

import base64
import json
import socket
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Database
from app.db.models import execution_attempts
from app.egress import PUBLIC_ONLY
from app.executions import search
from app.executions.search import ExecutionFilter
from app.settings import Settings
from app.worker import run
from app.worker.loop import Worker
from tests.support import factories
from tests.support.samples import SECRET, standard_signature
from tests.support.sink import Sink

BODY = b'{ "a":1,\r\n\t"b": "\xc3\xbc" }\n'

pytestmark = pytest.mark.usefixtures("longest_waits")


def worked(database: Database, settings: Settings, payload: str, body: bytes | None = BODY) -> Any:
    """Return the row of one execution after a worker has run all that was due."""
    trigger_id = factories.trigger(database, action_type="http", action_payload=payload)
    execution_id = factories.execution(database, trigger_id, event_data='{"normalised":true}')
    if body is not None:
        factories.request_of(database, execution_id, body, "application/json; charset=utf-8")
    Worker(database, settings, concurrency=2).run_once()
    (row,) = factories.executions(database)
    return row


def test_the_body_arrives_byte_for_byte(database: Database, settings: Settings, sink: Sink) -> None:
    row = worked(database, settings, f"{sink.url}/in?x=1")

    (received,) = sink.received
    assert (row.status, row.result_summary) == ("completed", "HTTP 200 thank you")
    assert (received.path, received.body) == ("/in?x=1", BODY)
    assert received.headers["Content-Type"] == "application/json; charset=utf-8"


def test_the_receiver_can_verify_and_deduplicate(
    database: Database, settings: Settings, sink: Sink
) -> None:
    row = worked(database, settings, sink.url)

    headers = sink.received[0].headers
    signature = standard_signature(
        SECRET.encode(), headers["webhook-id"], headers["webhook-timestamp"], BODY
    )
    assert headers["webhook-signature"] == signature
    assert headers["Idempotency-Key"] == headers["webhook-id"] == str(row.id)


def test_options_name_the_address_and_a_secret_of_its_own(
    database: Database, settings: Settings, sink: Sink
) -> None:
    options = json.dumps({"url": sink.url, "secret": "whsec_a2V5"})

    worked(database, settings, options)

    headers = sink.received[0].headers
    expected = standard_signature(b"key", headers["webhook-id"], headers["webhook-timestamp"], BODY)
    assert headers["webhook-signature"] == expected


PASSED_ON = {"github": ("X-GitHub-Event", "X-GitHub-Delivery")}
STORED = {
    "x-github-event": "star",
    "x-github-delivery": "d-1",
    "x-hub-signature-256": "sha256=00",
    "user-agent": "GitHub-Hookshot/1",
}


@pytest.mark.parametrize("source", ["github", "custom"])
def test_the_senders_headers_that_describe_the_event_are_passed_on_and_no_other(
    database: Database, settings: Settings, sink: Sink, source: str
) -> None:
    options = json.dumps({"url": sink.url, "headers": {"x-github-delivery": "ours"}})
    trigger_id = factories.trigger(
        database, source=source, action_type="http", action_payload=options
    )
    execution_id = factories.execution(database, trigger_id)
    factories.request_of(database, execution_id, BODY, "application/json", json.dumps(STORED))

    Worker(database, settings, concurrency=2, event_headers=PASSED_ON).run_once()

    headers = sink.received[0].headers
    assert headers.get("X-GitHub-Event") == ("star" if source == "github" else None)
    given = [value for name, value in headers.items() if name.lower() == "x-github-delivery"]
    assert given == ["ours"]
    assert headers.get("X-Hub-Signature-256") is None
    assert headers["User-Agent"] == "Hookonce"


@pytest.mark.parametrize(("body", "sent"), [(None, b'{"normalised":true}'), (b"", b"")])
def test_an_event_without_its_request_is_sent_as_we_read_it(
    database: Database, settings: Settings, sink: Sink, body: bytes | None, sent: bytes
) -> None:
    worked(database, settings, sink.url, body)

    assert sink.received[0].body == sent


@pytest.mark.parametrize(
    ("status", "becomes", "category"),
    [
        (201, "completed", None),
        (204, "completed", None),
        (302, "failed", "permanent"),
        (400, "failed", "permanent"),
        (404, "failed", "permanent"),
        (410, "failed", "permanent"),
        (408, "retrying", "transient"),
        (425, "retrying", "transient"),
        (429, "retrying", "transient"),
        (500, "retrying", "transient"),
        (503, "retrying", "transient"),
    ],
)
def test_the_status_of_the_answer_decides(
    database: Database,
    settings: Settings,
    sink: Sink,
    status: int,
    becomes: str,
    category: str | None,
) -> None:
    sink.status, sink.body = status, b"" if status == 204 else b"timed out"
    sink.headers = {"Location": sink.url} if status == 302 else {}

    row = worked(database, settings, sink.url)

    assert (row.status, row.error_category) == (becomes, category)
    assert len(sink.received) == 1


@pytest.mark.parametrize(("status", "outcome"), [(202, "succeeded"), (503, "failed")])
def test_an_attempt_remembers_the_status_by_which_its_execution_is_found(
    database: Database, settings: Settings, sink: Sink, status: int, outcome: str
) -> None:
    sink.status = status

    row = worked(database, settings, sink.url)

    (attempt,) = factories.attempts(database)
    assert (attempt.outcome, attempt.http_status) == (outcome, status)
    assert 0 < attempt.duration_seconds < 60
    found = search.each(database, ExecutionFilter(http_status=status))
    assert [each.id for each, _ in found] == [row.id]


def test_what_the_target_asks_for_lengthens_the_wait(
    database: Database, settings: Settings, sink: Sink
) -> None:
    sink.status, sink.headers = 429, {"Retry-After": "3000"}

    row = worked(database, settings, sink.url)

    (attempt,) = factories.attempts(database)
    wait = row.next_attempt_at - attempt.finished_at
    assert 2990 < wait.total_seconds() < 3010


def test_a_target_that_is_not_there_is_tried_again(database: Database, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once_there:
        port = once_there.getsockname()[1]

    row = worked(database, settings, f"http://127.0.0.1:{port}/")

    assert (row.status, row.error_category) == ("retrying", "transient")


def test_a_target_that_does_not_answer_in_time_is_tried_again(
    database: Database, settings: Settings, sink: Sink
) -> None:
    sink.silent = True

    row = worked(database, replace(settings, hookonce_http_timeout_seconds=0.3), sink.url)

    assert (row.status, row.error_category) == ("retrying", "transient")
    assert "timed out" in row.error.lower()


@pytest.mark.parametrize(
    "payload", ["ftp://x/", "not an address", "http://", "http://[", "http://a:b/", '{"u":1}', "{"]
)
def test_an_address_that_is_none_fails_for_good(
    database: Database, settings: Settings, payload: str
) -> None:
    row = worked(database, settings, payload)

    assert (row.status, row.error_category) == ("failed", "permanent")


def test_a_long_answer_is_kept_in_part(database: Database, settings: Settings, sink: Sink) -> None:
    sink.body = b"x" * 5_000_000

    row = worked(database, settings, sink.url)

    assert row.status == "completed"
    assert len(row.result_summary) <= 4000


def answered(settings: Settings, sink: Sink, **given: Any) -> str | BaseException:
    """Run one attempt without a database; return its result or error."""
    return run.action(
        factories.work(settings, action_type="http", **{"action_payload": sink.url} | given)
    )


def test_a_replay_has_the_key_of_the_first_execution_of_its_chain(
    settings: Settings, sink: Sink
) -> None:
    answered(settings, sink, execution_id=9, chain_id=3, attempt_number=2)

    headers = sink.received[0].headers
    assert headers["Idempotency-Key"] == headers["webhook-id"] == "3"
    assert headers["Hookonce-Attempt"] == "2"
    assert headers["webhook-signature"] == standard_signature(
        SECRET.encode(), "3", headers["webhook-timestamp"], sink.received[0].body
    )


def test_without_a_secret_nothing_is_signed(settings: Settings, sink: Sink) -> None:
    answered(settings, sink, trigger_secret="")

    headers = sink.received[0].headers
    assert headers["webhook-id"] == "7"
    assert "webhook-signature" not in headers


def test_headers_of_the_triggers_own_are_sent(settings: Settings, sink: Sink) -> None:
    own = {"Authorization": "Bearer hunter2", "content-type": "text/plain", "X-Empty": ""}

    answered(settings, sink, action_payload=json.dumps({"url": sink.url, "headers": own}))

    headers = sink.received[0].headers
    assert {name: headers[name] for name in own} == own
    assert headers.get_all("Content-Type") == ["text/plain"]


@pytest.mark.parametrize("status", [200, 403])
def test_a_secret_that_the_target_repeats_is_not_kept(
    settings: Settings, sink: Sink, status: int
) -> None:
    options = {"url": sink.url, "headers": {"Authorization": "Bearer hunter2"}, "secret": "s3cret!"}
    sink.status, sink.body = status, b"you sent Bearer hunter2, signed with s3cret!"

    said = str(answered(settings, sink, action_payload=json.dumps(options)))

    assert said == f"HTTP {status} you sent ***, signed with ***"


@pytest.mark.parametrize("status", [200, 403, 500])
def test_no_word_of_a_secret_that_the_target_repeats_is_kept(
    database: Database,
    settings: Settings,
    sink: Sink,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    basic = base64.b64encode(b"somebody:op/en-sesame").decode()
    headers = {
        "X-Functions-Key": "canary-1",
        "X-Auth": "Token canary-2",
        "X-Basic": f"Basic {basic}",
    }
    payload = json.dumps({"url": f"{sink.url}/in?code=canary-3", "headers": headers})
    repeated = ("canary-1", "canary-2", "CANARY-3", "op%2Fen-sesame", "op\\/en-sesame", "somebody")
    sink.status, sink.body = status, f"{' '.join(repeated)} {basic} {SECRET}".encode()

    row = worked(database, settings, payload)

    with database.reading() as connection:
        attempts = connection.execute(sa.select(execution_attempts)).all()
    everywhere = f"{row} {attempts} {caplog.text} {[vars(each) for each in caplog.records]}"
    assert f"HTTP {status} *** *** ***" in everywhere
    assert [each for each in (*repeated, basic, SECRET) if each in everywhere] == []


@pytest.mark.parametrize("content_type", ["text/plain\r\nX: y", "text/\N{EURO SIGN}"])
def test_a_content_type_that_no_header_can_carry_is_replaced(
    settings: Settings, sink: Sink, content_type: str
) -> None:
    answered(settings, sink, content_type=content_type)

    assert sink.received[0].headers["Content-Type"] == "application/octet-stream"


def test_an_address_that_is_not_permitted_is_a_dead_letter_that_names_the_setting(
    database: Database, settings: Settings, sink: Sink
) -> None:
    row = worked(database, replace(settings, hookonce_egress_allow=PUBLIC_ONLY), sink.url)

    assert (row.status, row.error_category, sink.received) == ("failed", "permanent", [])
    assert "HOOKONCE_EGRESS_ALLOW" in row.error
