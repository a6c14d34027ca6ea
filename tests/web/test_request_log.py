"""Each request has an id, in its response and in its log line."""

import json
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from falcon import testing

from app import log
from app.db import Database
from app.db.models import execution_requests
from app.executions.replay import replay
from app.settings import Settings
from app.stats import latency, outcomes
from app.stats.counters import Counters
from app.web.application import create_app
from app.worker.loop import Worker
from tests.support import factories, samples
from tests.support.api import Api
from tests.support.in_process_sender import message, post, signed, signed_sample

MADE = re.compile(r"[0-9a-f]{16}")


class Written(logging.Handler):
    """Return the log lines as they are written, in the thread that writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(log.JsonFormatter())
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Any:
    handler = Written()
    logger = logging.getLogger("hookonce")
    with caplog.at_level(logging.INFO, logger="hookonce"):
        logger.addHandler(handler)
        yield handler.lines
        logger.removeHandler(handler)


def test_the_operator_is_told_once_the_answer_is_out(
    database: Database, settings: Settings, written: list[dict[str, Any]]
) -> None:
    sent, counters = message(), Counters()
    path = f"/api/triggers/webhook/{factories.trigger(database)}"
    environ = testing.create_environ(path, method="POST", headers=sent.headers, body=sent.body)

    said: Any = create_app(settings, database, counters)(environ, lambda *_: lambda _piece: None)

    assert b"".join(said) == b'{"status": "ok"}'
    assert (written, counters.take().counts) == ([], {})
    said.close()
    assert [line["evt"] for line in written] == ["admitted"]
    counted = {place.outcome for place in counters.take().counts}
    assert {outcomes.ACCEPTED, latency.MICROSECONDS} <= counted


@pytest.mark.parametrize("given", ["a", "3f2e-91", "A.b_c:d~e+f-1", "x" * 64])
def test_an_id_that_came_along_is_answered_and_logged(
    client: testing.TestClient, database: Database, written: list[dict[str, Any]], given: str
) -> None:
    sent = message()
    sent = replace(sent, headers=sent.headers | {"X-Request-Id": given})

    answer = post(client, factories.trigger(database), sent)

    assert answer.headers["X-Request-Id"] == given
    (line,) = written
    assert (line["evt"], line["request_id"]) == ("admitted", given)


@pytest.mark.parametrize(
    "given", ["", " ", "x" * 65, "a b", "a=b", "a,b", '"a"', "-a", "ä", "a\x7f", "<script>", "a/b"]
)
def test_an_id_that_is_not_sane_is_replaced(client: testing.TestClient, given: str) -> None:
    answer = client.simulate_get("/healthz", headers={"X-Request-Id": given})

    assert MADE.fullmatch(answer.headers["X-Request-Id"])


def test_each_request_without_an_id_gets_one_of_its_own(client: testing.TestClient) -> None:
    ids = {client.simulate_get("/healthz").headers["X-Request-Id"] for _ in range(3)}

    assert len(ids) == 3
    assert all(MADE.fullmatch(each) for each in ids)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/api/triggers", 401), ("PUT", "/healthz", 405)],
)
def test_errors_are_answered_with_the_id_too(
    client: testing.TestClient, method: str, path: str, status: int
) -> None:
    answer = client.simulate_request(method, path, headers={"X-Request-Id": "r-1"})

    assert (answer.status_code, answer.headers["X-Request-Id"]) == (status, "r-1")


def test_a_webhook_is_one_line_whatever_becomes_of_it(
    client: testing.TestClient, database: Database, written: list[dict[str, Any]]
) -> None:
    custom, slack = factories.trigger(database), factories.trigger(database, source="slack")
    picky = factories.trigger(database, event_filter='{"event": "paid"}')
    batch = factories.trigger(database, source="whatsapp")
    malformed = samples.Sent({"Content-Type": "application/json"}, b"{")
    expected = {
        "admitted": lambda: post(client, custom, message()),
        "idempotent_replay": lambda: post(client, custom, message()),
        "refused": lambda: post(client, custom, replace(message(), headers={})),
        "malformed": lambda: post(client, custom, signed("custom", malformed)),
        "request": lambda: post(client, picky, message()),
    }
    for name, send in expected.items():
        written.clear()
        send()
        assert [line["evt"] for line in written] == [name]

    written.clear()
    post(client, batch, signed_sample("whatsapp", "messages_and_statuses"))
    post(client, slack, signed_sample("slack", "ping"))

    admitted, request = written
    assert (admitted["evt"], admitted["events"]) == ("admitted", 4)
    assert len(admitted["execution_id"].split(",")) == 4
    assert (request["evt"], request["status"]) == ("request", 200)


def test_other_requests_are_one_line_that_says_who_asked(
    api: Api, admin: str, written: list[dict[str, Any]]
) -> None:
    api.ask("GET", "/api/triggers", admin)

    (line,) = written
    assert (line["evt"], line["method"], line["status"]) == ("request", "GET", 200)
    assert line["route"] == "/api/triggers"
    assert line["actor"] == "a admin"
    assert 0 <= line["seconds"] < 60


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_machines_ask_every_few_seconds_is_no_line(
    client: testing.TestClient, written: list[dict[str, Any]], path: str
) -> None:
    client.simulate_get(path)

    assert written == []


def test_a_secret_in_an_address_reaches_no_line(
    client: testing.TestClient, database: Database, written: list[dict[str, Any]]
) -> None:
    picky = factories.trigger(database, source="evolution", event_filter='{"a": "b"}')
    for path in (f"/api/triggers/webhook/{picky}/{samples.SECRET}", f"/api/x/{samples.SECRET}"):
        client.simulate_post(path, body=b"{}")

    assert [line["evt"] for line in written] == ["request", "request"]
    assert samples.SECRET not in str(written)


def test_the_execution_keeps_the_id_it_came_with(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    path = f"/api/triggers/webhook/{trigger_id}"
    one, other = message("m-1"), message("m-2")
    client.simulate_post(path, headers=one.headers | {"X-Request-Id": "theirs"}, body=one.body)
    answer = client.simulate_post(path, headers=other.headers, body=other.body)

    with database.reading() as connection:
        columns = execution_requests.c
        query = sa.select(columns.headers).order_by(columns.execution_id)
        kept = [json.loads(text)["x-request-id"] for text in connection.execute(query).scalars()]
    assert kept == ["theirs", answer.headers["X-Request-Id"]]


@pytest.fixture
def attempted(written: list[dict[str, Any]]) -> Any:
    """Return the request ids in the log lines about attempts."""
    return lambda: [line["request_id"] for line in written if line["evt"] == "attempt"]


def test_an_attempt_names_the_request_that_brought_the_event_in_a_replay_too(
    client: testing.TestClient, database: Database, settings: Settings, attempted: Any
) -> None:
    sent = message()
    headers = sent.headers | {"X-Request-Id": "theirs"}
    trigger_id = factories.trigger(database, action_type="no such action")
    client.simulate_post(f"/api/triggers/webhook/{trigger_id}", headers=headers, body=sent.body)
    Worker(database, settings).run_once()

    replay(database, factories.executions(database)[0].id)
    Worker(database, settings).run_once()

    assert attempted() == ["theirs", "theirs"]


def test_duplicates_that_are_admitted_together_each_name_their_own_request(
    client: testing.TestClient, database: Database, written: list[dict[str, Any]]
) -> None:
    trigger_id, number = factories.trigger(database), 16
    together = threading.Barrier(number)

    def send(name: str) -> None:
        sent = message()
        together.wait()
        post(client, trigger_id, replace(sent, headers=sent.headers | {"X-Request-Id": name}))

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(send, [f"r-{each}" for each in range(number)]))

    assert sorted(line["request_id"] for line in written) == sorted(
        f"r-{each}" for each in range(number)
    )
