"""Failures are retried exactly where the older system retried them."""

import socket
from dataclasses import replace
from typing import Any

import pytest

from app.db import Database
from app.settings import Settings
from app.worker.loop import Worker
from tests.integration.conftest import WriteScript
from tests.support import factories, targets
from tests.support.targets import Behaviour, Target

AT_ONCE = '{"base_seconds": 0}'


def worked(database: Database, settings: Settings, **trigger: Any) -> tuple[Any, list[str]]:
    """Run one execution until nothing is due; return its row and the outcomes of its attempts."""
    made = factories.trigger(database, retry_policy=AT_ONCE, **trigger)
    factories.execution(database, made)
    off = replace(settings, hookonce_breaker_failures=0)
    Worker(database, off, concurrency=1).run_once()
    (row,) = factories.executions(database)
    return row, [each.outcome for each in factories.attempts(database)]


def answer(status: int) -> bytes:
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n" % status


def in_turn(*answers: bytes) -> Behaviour:
    """Answer each request with the next of `answers`, on any connection."""
    left = iter(answers)

    def behave(target: Target, connection: socket.socket) -> None:
        while target.request(connection):
            connection.sendall(next(left))

    return behave


def test_http_500_three_times_and_then_success(database: Database, settings: Settings) -> None:
    answers = in_turn(*[answer(500)] * 3, answer(200))
    with targets.listening(answers) as target:
        url = f"http://127.0.0.1:{target.port}/"
        row, outcomes = worked(database, settings, action_type="http", action_payload=url)

    assert outcomes == ["failed", "failed", "failed", "succeeded"]
    assert (row.status, row.error, row.error_category, row.error_reason) == (
        "completed",
        None,
        None,
        None,
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_http_4xx_is_permanent_at_once(database: Database, settings: Settings, status: int) -> None:
    with targets.listening(targets.answering(answer(status))) as target:
        url = f"http://127.0.0.1:{target.port}/"
        row, outcomes = worked(database, settings, action_type="http", action_payload=url)

    assert (row.status, outcomes) == ("failed", ["failed"])


def test_a_refused_connection_is_transient(database: Database, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    row, outcomes = worked(database, settings, action_type="http", action_payload=url)

    assert (row.status, row.error_category) == ("failed_retryable", "transient")
    assert (len(outcomes), row.error_reason) == (8, "connection")


def test_a_time_out_is_transient(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    hasty = replace(settings, hookonce_script_timeout_seconds=0.1)
    row, outcomes = worked(database, hasty, action_payload=write_script("exec sleep 60"))

    assert (row.status, row.error_category) == ("failed_retryable", "transient")
    assert (len(outcomes), row.error_reason) == (8, "timeout")


def test_a_missing_script_is_permanent(database: Database, settings: Settings) -> None:
    row, outcomes = worked(database, settings, action_payload="never-written")

    assert (row.status, row.error_category, row.error_reason) == (
        "failed",
        "permanent",
        "configuration",
    )
    assert outcomes == ["failed"]
