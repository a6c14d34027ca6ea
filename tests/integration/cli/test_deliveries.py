"""`hookonce trigger counts` and `hookonce mismatch list` print counts and mismatches."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from app import cli, clock
from app.db import Database
from app.db.models import mismatched_payloads
from app.stats import outcomes
from app.stats.counter_writer import CounterWriter
from app.stats.counters import NOBODY, Counters
from tests.support import factories

Hookonce = Callable[..., Result]
NOW = clock.now()
DIGEST = "d" * 64


@pytest.fixture
def hookonce(database_url: str) -> Iterator[Hookonce]:
    """Return a function that runs the command on this test's database; its logging ends here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.main, arguments, env={"DATABASE_URL": database_url})

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def orders(database: Database) -> int:
    """Insert a trigger with counts of this hour, of 23 hours ago, and of a day ago."""
    trigger_id = factories.trigger(database, slug="orders")
    for hours in (0, 23, 24):
        counters = Counters(lambda hours=hours: NOW - timedelta(hours=hours))
        counters.count(trigger_id, outcomes.ACCEPTED, 3)
        counters.count(trigger_id, outcomes.STALE)
        counters.count(NOBODY, outcomes.UNKNOWN_TRIGGER)
        assert CounterWriter(counters, database, 3600).flush()
    return trigger_id


@pytest.fixture
def mismatch(database: Database, orders: int) -> int:
    """Insert an execution with a key mismatch; return its id."""
    given = {"idempotency_key": "k-1", "payload_digest": "a" * 64}
    execution_id = factories.execution(database, orders, **given)
    counters = Counters(lambda: NOW)
    counters.repeat(execution_id, DIGEST)
    assert CounterWriter(counters, database, 3600).flush()
    return execution_id


def printed(result: Result) -> object:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def lines(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.stdout.splitlines()]


def hour(hours_ago: int) -> str | None:
    moment = NOW - timedelta(hours=hours_ago)
    return clock.text(moment.replace(minute=0, second=0, microsecond=0))


@pytest.fixture(autouse=True)
def _the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def test_the_counts_of_a_trigger_are_summed_and_listed_by_hour(
    hookonce: Hookonce, orders: int
) -> None:
    shown = printed(hookonce("trigger", "counts", "orders", "--json"))

    each = {"accepted": 3, "refused_stale": 1}
    assert shown == {
        "trigger_id": orders,
        "total": {"accepted": 6, "refused_stale": 2},
        "by_hour": [{"hour": hour(0), "counts": each}, {"hour": hour(23), "counts": each}],
    }


@pytest.mark.usefixtures("orders")
def test_how_far_back_is_the_operators_choice(hookonce: Hookonce) -> None:
    shown = [
        printed(hookonce("trigger", "counts", "orders", "--json", "--hours", str(hours)))
        for hours in (1, 25)
    ]

    assert [each["total"]["accepted"] for each in shown] == [3, 9]


@pytest.mark.usefixtures("orders")
def test_without_a_trigger_the_addresses_of_none_are_counted_too(hookonce: Hookonce) -> None:
    shown = printed(hookonce("trigger", "counts", "--json"))

    assert shown["total"] == {"accepted": 6, "refused_stale": 2, "refused_unknown_trigger": 2}


@pytest.mark.usefixtures("orders")
def test_the_table_has_a_column_for_what_happened_and_no_other(hookonce: Hookonce) -> None:
    assert lines(hookonce("trigger", "counts", "orders")) == [
        ["hour", "accepted", "refused_stale"],
        ["total", "6", "2"],
        [hour(0), "3", "1"],
        [hour(23), "3", "1"],
    ]


def test_a_mismatch_is_listed_with_both_digests(
    hookonce: Hookonce, orders: int, mismatch: int
) -> None:
    now = clock.text(NOW)

    assert printed(hookonce("mismatch", "list", "--trigger", "orders", "--json")) == [
        {
            "execution_id": mismatch,
            "trigger_id": orders,
            "slug": "orders",
            "idempotency_key": "k-1",
            "digest_admitted": "a" * 64,
            "digest_came": DIGEST,
            "number": 1,
            "first_at": now,
            "last_at": now,
            "kept": False,
        }
    ]


def test_a_kept_payload_is_shown(
    hookonce: Hookonce, database: Database, orders: int, mismatch: int
) -> None:
    missing = hookonce("mismatch", "show", str(mismatch), DIGEST[:8])
    values = {"execution_id": mismatch, "digest": DIGEST, "trigger_id": orders}
    values |= {"received_at": NOW, "event_data": '{"a": 1}', "headers": "{}", "body": b'{"a": 1}'}
    with database.writing() as connection:
        connection.execute(sa.insert(mismatched_payloads).values(values))

    shown = printed(hookonce("mismatch", "show", str(mismatch), DIGEST[:8], "--json"))

    assert missing.exit_code == 1
    assert "no payload" in missing.output
    assert (shown["event_data"], shown["body"]) == ('{"a": 1}', '{"a": 1}')
    assert printed(hookonce("mismatch", "list", "--json"))[0]["kept"] is True


def test_the_mismatches_of_another_trigger_are_not_listed(
    hookonce: Hookonce, database: Database, mismatch: int
) -> None:
    factories.trigger(database, slug="bills")

    assert printed(hookonce("mismatch", "list", "--trigger", "bills", "--json")) == []
    assert lines(hookonce("mismatch", "list"))[1][:3] == [str(mismatch), "orders", "k-1"]
    assert lines(hookonce("mismatch", "list"))[1][-2:] == ["a" * 64, DIGEST]


@pytest.mark.parametrize(
    "command", [("trigger", "counts", "x"), ("mismatch", "list", "--trigger", "x")]
)
def test_an_unknown_trigger_is_said_so_in_one_sentence(
    hookonce: Hookonce, command: tuple[str, ...]
) -> None:
    result = hookonce(*command)

    assert result.exit_code == 1
    assert "there is no trigger 'x'" in result.output
