"""Executions are found by the target's status, by type, text and key, page by page and at once."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from app import cli
from app.db import Database, has_text_index, paging
from app.db.count_cache import CountCache
from app.db.models import execution_attempts
from app.db.paging import PagePosition
from app.executions import dead_letters, payload_search, search
from app.executions.dead_letters import DeadLetterFilter
from app.executions.search import ExecutionFilter
from tests.support import factories
from tests.support.factories import LONG_AGO

OURS = '{"event_type":"order.paid","source":"custom","data":{"note":"Gr\\u00fc\\u00dfe 50%_x"}}'
OLDER = '{"_test": true, "event_type": "order.paid", "data": {"note": "something"}}'
Make = Callable[..., int]


@pytest.fixture
def make(database: Database) -> Make:
    trigger_id = factories.trigger(database, slug="orders")

    def insert(event: str = "{}", http_status: int | None = None, **more: Any) -> int:
        status = "completed" if http_status is None else "failed"
        made = factories.execution(
            database, trigger_id, status, event_data=event, attempt_count=1, **more
        )
        if http_status is not None:
            attempt = {"execution_id": made, "number": 1, "worker": "w", "started_at": LONG_AGO}
            ended = {"finished_at": LONG_AGO, "outcome": "failed", "http_status": http_status}
            with database.writing() as connection:
                connection.execute(sa.insert(execution_attempts).values(attempt | ended))
        return made

    return insert


def found(database: Database, **filters: Any) -> list[int]:
    """Return the ids of all matching executions, from page to page."""
    ids: list[int] = []
    position = PagePosition(per_page=2)
    while True:
        with database.reading() as connection:
            page = search.page(connection, CountCache(), ExecutionFilter(**filters), position)
        ids += [row.id for row in page.rows]
        if page.next is None:
            return ids
        position = PagePosition(per_page=2, before_id=page.next)


def test_an_event_is_found_by_its_type_exactly(database: Database, make: Make) -> None:
    wanted = [make(OURS), make(OLDER)]
    make('{"event_type":"order.paid.late","data":{}}')
    make('{"event_type":"ORDER.PAID","data":{}}')

    assert found(database, event_type="order.paid") == wanted[::-1]
    assert found(database, event_type='order"') == []


@pytest.mark.parametrize("text", ["Grüße", "grüße 50%_x", "50%_", '"note":"Gr\\u00fc'])
def test_an_event_is_found_by_text_as_it_is_written_or_escaped(
    database: Database, make: Make, text: str
) -> None:
    wanted = make(OURS)
    make(OLDER)
    make('{"data":{"note":"Gr 50 x _x"}}')

    assert found(database, text=text) == [wanted]


def test_an_execution_is_found_by_the_status_of_its_last_attempt(
    database: Database, make: Make
) -> None:
    wanted = [make(http_status=503), make(http_status=503)]
    make(http_status=404)
    make()

    assert found(database, http_status=503) == wanted[::-1]
    assert found(database, http_status=503, status="failed") == wanted[::-1]
    assert found(database, http_status=503, status="completed") == []
    with database.reading() as connection:
        query = dead_letters.page_query(DeadLetterFilter(http_status=503))
        assert [row.id for row in connection.execute(query)] == wanted[::-1]


def test_a_key_is_found_by_its_beginning_exactly(database: Database, make: Make) -> None:
    wanted = [make(idempotency_key=key) for key in ("in_1", "in_12")]
    for key in ("IN_1", "inx1", "an in_1", None):
        make(idempotency_key=key)

    assert found(database, key_prefix="in_1") == wanted[::-1]
    assert found(database, key_prefix="in_%") == []


def test_an_execution_is_found_by_the_sender_of_its_trigger(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SCAN_ROWS", 2)
    hub, stripe, mail, other = (
        factories.trigger(database, slug=slug, name=slug, source=source)
        for slug, source in (
            *(("hub", "github"), ("stripe-eu", "stripe"), ("stripe-us", "stripe")),
            ("other", "custom"),
        )
    )
    wanted = [factories.execution(database, each, "failed") for each in (stripe, mail, hub)]
    for _ in range(7):
        factories.execution(database, other, "failed")

    assert found(database, source="stripe") == wanted[1::-1]
    assert found(database, source="stripe", status="failed") == wanted[1::-1]
    assert found(database, source="github") == [wanted[2]]
    assert found(database, source="github", trigger_id=stripe) == []
    assert found(database, source="nobody") == []
    assert found(database, source="stripe", text="zzz") == []
    with database.reading() as connection:
        for filters in (DeadLetterFilter(source="stripe"), DeadLetterFilter(source="github")):
            ids = {row.id for row in connection.execute(dead_letters.page_query(filters))}
            assert ids == set(wanted[:2] if filters.source == "stripe" else wanted[2:])
    exported = search.each(database, ExecutionFilter(source="stripe"))
    assert [row.id for row, _ in exported] == wanted[1::-1]


def test_a_page_tells_how_far_it_looked_and_the_next_one_goes_on(
    database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_search, "PART_ROWS", 2)
    monkeypatch.setattr(payload_search, "SCAN_ROWS", 4)
    monkeypatch.setattr(paging, "SCAN_ROWS", 4)
    wanted = make(OURS, http_status=503, idempotency_key="in_1")
    ids = [make() for _ in range(9)]

    for filters in ({"text": "Grüße"}, {"http_status": 503}, {"key_prefix": "in_"}):
        with database.reading() as connection:
            page = search.page(connection, CountCache(), ExecutionFilter(**filters), PagePosition())
        assert page.rows == []
        assert page.next is not None
        assert page.next in ids
        assert found(database, **filters) == [wanted]


def test_newer_matches_are_found_upwards(database: Database, make: Make) -> None:
    wanted = [make(OURS) for _ in range(3)]
    make(OLDER)
    position = PagePosition(per_page=2, after_id=wanted[0])

    with database.reading() as connection:
        page = search.page(connection, CountCache(), ExecutionFilter(text="50%"), position)

    assert [row.id for row in page.rows] == [wanted[2], wanted[1]]


def test_with_an_index_of_an_operator_one_page_looks_everywhere(
    database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' PostgreSQL has no pg_trgm: the index itself cannot be made here."""
    with database.reading() as connection:
        assert not has_text_index(connection, "trigger_executions", "event_data")
    monkeypatch.setattr(payload_search, "has_text_index", lambda *_: True)
    monkeypatch.setattr(payload_search, "PART_ROWS", 1)
    monkeypatch.setattr(payload_search, "SCAN_ROWS", 1)
    wanted = [make(OURS) for _ in range(3)]
    for _ in range(3):
        make(OLDER)

    assert found(database, text="grüße 50%") == wanted[::-1]


def test_an_export_has_every_match_once_and_no_secret(
    database_url: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "EXPORT_ROWS", 2)
    wanted = [make(OURS) for _ in range(5)]
    make(OLDER)
    make("no json")
    runner = CliRunner(env={"DATABASE_URL": database_url})

    some = runner.invoke(
        cli.main, ["execution", "export", "--text", "Grüße", "--trigger", "orders"]
    )
    every = runner.invoke(cli.main, ["execution", "export"])
    listed = runner.invoke(cli.main, ["execution", "list", "--http-status", "503", "--json"])

    rows = [json.loads(line) for line in some.output.splitlines()]
    assert [row["id"] for row in rows] == wanted[::-1]
    assert rows[0]["event_data"]["data"]["note"] == "Grüße 50%_x"
    assert len(every.output.splitlines()) == 7
    assert json.loads(every.output.splitlines()[0])["event_data"] == "no json"
    assert json.loads(listed.output)["rows"] == []


def test_an_export_whose_reader_goes_away_ends_quietly(database_url: str, make: Make) -> None:
    for _ in range(300):
        make(OURS)
    ended = subprocess.run(
        f"{sys.executable} -m app execution export | head -1",
        shell=True,
        env={"DATABASE_URL": database_url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert len(ended.stdout.splitlines()) == 1
    assert "Traceback" not in ended.stderr
