"""Deliveries are counted exactly, across processes, restarts and database outages."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.db.models import ALL_TIME, delivery_counts, execution_repeats, key_mismatches
from app.stats import outcomes
from app.stats.counters import NOBODY
from tests.process.db.test_database_in_trouble import IMPATIENT, Away, away
from tests.support.databases import ROOT
from tests.support.ledger import Ledger
from tests.support.service import Service, until
from tests.support.socket_sender import Sender, event
from tests.support.thorough import THOROUGH

__all__ = ["away"]

OFTEN = {"HOOKONCE_COUNTS_SECONDS": "0.1"}
NEVER = {"HOOKONCE_COUNTS_SECONDS": "3600"}
"""The settings with which counts are not written before the process ends."""
N = 20
LARGE = 2_000
CLIENTS = 8


def numbers(ledger: Ledger) -> dict[tuple[int, str], int]:
    """Return the number of deliveries by trigger and outcome, over all hours."""
    columns = delivery_counts.c
    query = sa.select(columns.trigger_id, columns.outcome, sa.func.sum(columns.number))
    query = query.where(columns.hour > ALL_TIME, columns.outcome.in_(outcomes.ALL))
    with ledger.database.reading() as connection:
        found = connection.execute(query.group_by(columns.trigger_id, columns.outcome))
        return {(trigger_id, outcome): int(number) for trigger_id, outcome, number in found}


def seen(ledger: Ledger, table: sa.Table) -> int:
    with ledger.database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.sum(table.c.number))).scalar() or 0)


def post_all(*requests: tuple[Sender, bytes]) -> None:
    """Send each request `N` times, mixed, from several clients at once."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda each: each[0].post(each[1]), requests * N))


def a_new_one(sender: Sender, name: str) -> list[tuple[Sender, bytes]]:
    return [(sender, event(f"{name}-{number}")) for number in range(N)]


def test_the_numbers_of_two_processes_add_up_after_a_graceful_stop_and_a_restart(
    service: Service, ledger: Ledger
) -> None:
    settings = NEVER | {"HOOKONCE_MAX_BODY_BYTES": str(LARGE)}
    gunicorn = service.gunicorn(workers=2, **settings)
    sender = ledger.sender(gunicorn)
    picky, off = ledger.trigger("picky"), ledger.trigger("off")
    ledger.execute(
        f"""UPDATE triggers SET event_filter = '{{"text": "bye"}}' WHERE id = {picky.id}""",
        f"UPDATE triggers SET enabled = false WHERE id = {off.id}",
    )

    for round_number in range(2):
        sender.post(event("known"))
        with ThreadPoolExecutor(CLIENTS) as pool:
            fresh = a_new_one(sender, f"round-{round_number}")
            list(pool.map(lambda each: each[0].post(each[1]), fresh))
        post_all(
            (sender, event("known")),
            (sender, event("known", amount="6")),
            (replace(sender, secret="wrong"), event("known")),
            (replace(sender, trigger_id=4711), event("known")),
            (sender, b"{"),
            (sender, b"x" * (LARGE + 1)),
            (replace(sender, trigger_id=picky.id, secret=picky.secret), event("other")),
            (replace(sender, trigger_id=off.id, secret=off.secret), event("other")),
        )
        before = numbers(ledger)
        assert gunicorn.stop() == 0
        assert len(before) == (0 if round_number == 0 else 9)
        gunicorn = service.gunicorn(workers=2, **settings)
        sender = replace(sender, port=gunicorn.port)

    assert numbers(ledger) == {
        (sender.trigger_id, outcomes.ACCEPTED): 2 * N + 1,
        (sender.trigger_id, outcomes.DUPLICATE): 2 * N + 1,
        (sender.trigger_id, outcomes.MISMATCH): 2 * N,
        (sender.trigger_id, outcomes.BAD_SIGNATURE): 2 * N,
        (sender.trigger_id, outcomes.MALFORMED): 2 * N,
        (sender.trigger_id, outcomes.TOO_LARGE): 2 * N,
        (picky.id, outcomes.FILTERED): 2 * N,
        (off.id, outcomes.DISABLED_TRIGGER): 2 * N,
        (NOBODY, outcomes.UNKNOWN_TRIGGER): 2 * N,
    }
    assert seen(ledger, execution_repeats) == 4 * N + 1
    assert seen(ledger, key_mismatches) == 2 * N
    assert ledger.count() == 2 * N + 1


def test_kill_9_loses_no_count_that_was_written_and_no_event(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=2, **OFTEN)
    sender = ledger.sender(gunicorn)
    for number in range(N):
        assert sender.post_event(f"written-{number}").acknowledged
    written = {(sender.trigger_id, outcomes.ACCEPTED): N}
    until(lambda: numbers(ledger) == written, "the numbers written down")
    gunicorn.kill()

    gunicorn = service.gunicorn(workers=2, **NEVER)
    sender = replace(sender, port=gunicorn.port)
    for number in range(N):
        assert sender.post_event(f"unwritten-{number}").acknowledged
    gunicorn.kill()

    assert numbers(ledger) == written
    assert ledger.count() == 2 * N


def test_a_database_that_was_away_gets_the_numbers_when_it_is_back(
    service: Service, ledger: Ledger, away: Away
) -> None:
    gunicorn = service.gunicorn(workers=2, **IMPATIENT, **NEVER)
    sender = ledger.sender(gunicorn)
    for number in range(N):
        assert sender.post_event(f"before-{number}").acknowledged
    ledger.database.dispose()

    with away():
        refused = [sender.post_event(f"away-{number}").status for number in range(3)]
    until(lambda: sender.post_event("after").acknowledged, "an event acknowledged")

    assert refused == [503] * 3
    assert gunicorn.stop() == 0
    found = numbers(ledger)
    assert found[sender.trigger_id, outcomes.ACCEPTED] == N + 1
    unavailable = [n for (_, outcome), n in found.items() if outcome == outcomes.UNAVAILABLE]
    assert sum(unavailable) >= 3


def test_a_graceful_stop_while_the_database_is_away_ends_in_time(
    service: Service, ledger: Ledger, away: Away
) -> None:
    gunicorn = service.gunicorn(workers=2, **IMPATIENT, **OFTEN)
    sender = ledger.sender(gunicorn)
    assert sender.post_event("before").acknowledged
    ledger.database.dispose()

    with away():
        sender.post_event("away")
        gunicorn.wait_for("evt=counter_flush_postponed")
        status = gunicorn.stop()

    assert status == 0
    assert "Traceback" not in gunicorn.log()


FEW, MANY = (6_000, 18_000) if THOROUGH else (3_000, 9_000)
UNKNOWN_IDS = f"""
import psutil
from dataclasses import replace
from app import settings
from app.db import Database
from app.errors import Unverified
from app.intake.receive import create_intake, receive
from tests.support import factories, samples
intake = create_intake(Database(settings.from_environment()))
intake.triggers._look_up = lambda number: None  # as the database says, and much sooner
request = factories.request(samples.json_request("custom", {{"messageId": "m-1"}}))

def knock(start, end):
    for number in range(start, end):
        try:
            receive(replace(request, trigger_id=str(1_000_000 + number)), intake)
        except Unverified:
            pass
    return psutil.Process().memory_info().rss // 1024

before, after = knock(0, {FEW}), knock({FEW}, {MANY})
print(after - before, len(intake.counters.take().counts))
"""


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_many_different_unknown_ids_take_no_more_memory_than_few(
    database_url: str,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNKNOWN_IDS],
        cwd=ROOT,
        env={"DATABASE_URL": database_url, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )

    grown_kibibytes, places = map(int, done.stdout.split())
    assert grown_kibibytes < 2_000
    assert places <= 2  # the hour may turn
