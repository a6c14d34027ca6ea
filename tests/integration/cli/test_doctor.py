"""`hookonce doctor` finds faults of a trigger and leaves no rows behind."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import sqlalchemy as sa

from app import clock
from app.audit import Actor
from app.cli import doctor_checks, doctor_trigger
from app.db import Database
from app.db.models import triggers
from app.intake import sources
from app.settings import Settings
from app.web.application import create_app
from app.worker.loop import Worker
from tests.integration.cli.test_commands import Hookonce, hookonce, sentence
from tests.support import factories, preset_proofs, samples
from tests.support.thorough import some

__all__ = ["hookonce"]

Examine = Callable[..., dict[str, Any]]
CHECKS = ["signed", "duplicate", "simultaneous", "stale", "empty"]
PUBLIC_URL = "https://hooks.acme.example"
"""The public URL of the command, which some senders sign."""
DESCRIBED = (
    '{"method": "hmac", "header": "S", "signed": "{timestamp}.{body}", "timestamp_header": "T"}'
)
UNSIGNED = ["wrong secret", "unsigned", "oversize"]


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[..., str]]:
    """Return a function that serves the application with these settings; it returns the address."""
    running: list[tuple[Server, Database]] = []

    def start(**given: Any) -> str:
        chosen = replace(settings, **given)
        database = Database(chosen)
        app = create_app(chosen, database)
        server = make_server("127.0.0.1", 0, app, server_class=Server, handler_class=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append((server, database))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, database in running:
        server.shutdown()
        server.server_close()
        database.dispose()


@pytest.fixture
def examine(hookonce: Hookonce) -> Examine:
    """Run `hookonce doctor` for the trigger at this address; return the findings by name."""

    def run(trigger_id: int, url: str, **environment: str) -> dict[str, Any]:
        ended = hookonce(
            "doctor", "--trigger", str(trigger_id), "--url", url, "--json", **environment
        )
        assert ended.exit_code in (0, 1), ended.output
        found: dict[str, Any] = json.loads(ended.stdout)
        assert found["passed"] is (ended.exit_code == 0)
        return found

    return run


def results(found: dict[str, Any]) -> dict[str, bool | None]:
    return {each["check"]: each["passed"] for each in found["findings"]}


def left(database: Database) -> list[int]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(triggers.c.id)).scalars())


@pytest.mark.parametrize(
    ("given", "timed"),
    [
        ({}, False),
        ({"source": "github", "idempotency_key_from": "provider"}, False),
        ({"source": "slack"}, True),
        ({"idempotency_key_from": '["header:X-Ticket", "body:data.deep.revision"]'}, False),
        ({"event_filter": '{"event": "never"}', "missing_key": "refuse"}, False),
        ({"source": "stripe", "tolerance_seconds": 5}, True),
        ({"verification": DESCRIBED}, True),
        ({"verification": '{"method": "jwt", "algorithm": "HS256"}'}, True),
    ],
    ids=str,
)
def test_a_trigger_that_works_passes_and_nothing_is_left(
    database: Database,
    serve: Callable[..., str],
    examine: Examine,
    given: dict[str, Any],
    timed: bool,
) -> None:
    trigger_id = factories.trigger(database, **given)

    found = examine(trigger_id, serve())

    expected: dict[str, bool | None] = dict.fromkeys([*CHECKS, *UNSIGNED], True)
    assert results(found) == expected | {"stale": True if timed else None}, found
    assert left(database) == [trigger_id]
    assert factories.executions(database) == []


@pytest.mark.parametrize("source", some(preset_proofs.tried(sources.names()), one_in=3))
def test_every_source_can_be_examined(
    database: Database, serve: Callable[..., str], examine: Examine, source: str, kind: str
) -> None:
    if kind == "postgresql":
        pytest.skip("what a source says does not depend on the database")
    trigger_id = factories.trigger(database, source=source, secret=samples.trigger_secret(source))

    found = examine(trigger_id, serve(hookonce_public_url=PUBLIC_URL))

    assert found["passed"], found
    asked = {name for name, passed in results(found).items() if passed is not None}
    assert asked >= set(UNSIGNED)


def test_a_trigger_without_a_key_admits_each_delivery(
    database: Database, serve: Callable[..., str], examine: Examine
) -> None:
    trigger_id = factories.trigger(database, idempotency_key_from="none")

    found = {each["check"]: each for each in examine(trigger_id, serve())["findings"]}

    assert found["simultaneous"]["came_back"] == f"200, {doctor_checks.AT_ONCE} execution(s)"
    assert found["duplicate"]["passed"]


def test_a_service_that_does_not_do_what_it_should_fails(
    database: Database, serve: Callable[..., str], examine: Examine
) -> None:
    url = serve(hookonce_max_body_bytes=5_000_000, hookonce_refusal_status=200)

    found = examine(factories.trigger(database, source="slack"), url)

    failed = {name for name, passed in results(found).items() if passed is False}
    assert failed == {"stale", *UNSIGNED}


def test_the_uniform_answer_is_no_failure_where_it_was_chosen(
    database: Database, serve: Callable[..., str], examine: Examine
) -> None:
    url = serve(hookonce_refusal_status=200)

    assert examine(factories.trigger(database), url, HOOKONCE_REFUSAL_STATUS="200")["passed"]


def test_people_see_a_table(
    database: Database, serve: Callable[..., str], hookonce: Hookonce
) -> None:
    trigger_id = factories.trigger(database)

    ended = hookonce("doctor", "--trigger", str(trigger_id), "--url", serve())

    assert ended.exit_code == 0, ended.output
    heading, first, *_ = ended.stdout.splitlines()
    assert heading.split() == ["check", "result", "came", "back", "expected"]
    assert first.split()[:3] == ["signed", "ok", "200,"]
    assert samples.SECRET not in ended.output


def test_nobody_answering_is_one_sentence_and_leaves_nothing(
    database: Database, hookonce: Hookonce
) -> None:
    trigger_id = factories.trigger(database)

    line = sentence(hookonce("doctor", "--trigger", str(trigger_id), "--url", "http://127.0.0.1:9"))

    assert "is `gunicorn` running?" in line
    assert left(database) == [trigger_id]


def test_a_trigger_without_a_secret_is_one_sentence(database: Database, hookonce: Hookonce) -> None:
    trigger_id = factories.trigger(database, secret=None)

    assert "has no secret" in sentence(hookonce("doctor", "--trigger", str(trigger_id)))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_the_twin_goes_whatever_ends_the_examination(
    database: Database, error: type[BaseException]
) -> None:
    trigger_id = factories.trigger(database)
    with database.reading() as connection:
        row = connection.execute(sa.select(triggers)).one()

    def examine_and_fail() -> None:
        with doctor_trigger.twin_of(database, row, Actor("a test")) as made:
            factories.execution(database, made.id)
            raise error

    with pytest.raises(error):
        examine_and_fail()

    assert left(database) == [trigger_id]
    assert factories.executions(database) == []


def test_a_twin_that_was_left_behind_is_removed_by_the_next(database: Database) -> None:
    trigger_id = factories.trigger(database)
    old = clock.now() - timedelta(hours=1)
    factories.trigger(database, source_plugin=doctor_trigger.MARK, created_at=old)
    at_work = factories.trigger(database, source_plugin=doctor_trigger.MARK, created_at=clock.now())
    with database.reading() as connection:
        row = connection.execute(sa.select(triggers).where(triggers.c.id == trigger_id)).one()

    with doctor_trigger.twin_of(database, row, Actor("a test")):
        pass

    assert sorted(left(database)) == [trigger_id, at_work]


def test_a_worker_does_nothing_about_what_a_twin_received(
    database: Database, settings: Settings
) -> None:
    noop = {"action_type": "noop", "action_payload": "a note"}
    factories.execution(database, factories.trigger(database, **noop))

    Worker(database, settings).run_once()

    (row,) = factories.executions(database)
    assert (row.status, row.result_summary) == ("completed", "nothing to do")
