"""`hookonce move` beside a running service, killed at many moments, and on a full disk."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import Database
from bench.moving import fill
from tests.support import moves
from tests.support.databases import Databases
from tests.support.ledger import Ledger
from tests.support.load import Load, sending
from tests.support.moves import content
from tests.support.seeding import seed
from tests.support.service import COMMANDS, Running, Service, environment, run, until
from tests.support.thorough import THOROUGH

KILLS = range(1, 60, 8) if THOROUGH else (2, 30, 45)
"""Lines of progress after which the move is killed."""
ROWS = 100_000 if THOROUGH else 300
FILE_BLOCKS = 1_200
"""Blocks of 1 KiB that a file may have where the disk is full: more than an empty database has."""


@pytest.fixture
def target(databases: Databases, kind: str) -> Iterator[str]:
    with databases.at_head(moves.OTHER[kind]) as url:
        yield url


def test_a_receiver_answers_503_until_it_has_the_new_address(
    service: Service, ledger: Ledger, target: str
) -> None:
    gunicorn = service.gunicorn(workers=1)
    sender = ledger.sender(gunicorn)
    assert sender.post_event("known").status == 200

    moved = service.run("hookonce", "move", "--to", target)
    assert moved.returncode == 0, moved.stdout
    refused = sender.post_event("new")
    renewed = service.gunicorn(workers=1, DATABASE_URL=target)
    there = type(sender)(renewed.port, sender.trigger_id, sender.secret)
    answers = [there.post_event(key).status for key in ("known", "new")]

    assert refused.status == 503
    assert refused.retry_after
    assert answers == [200, 200]
    copied = _ledger(target, Path(ledger.directory))
    assert copied.rows_by_key() == {"known": 1, "new": 1}
    copied.database.dispose()


def test_a_live_move_under_load_loses_no_acknowledged_event(
    service: Service, ledger: Ledger, target: str
) -> None:
    gunicorn = service.gunicorn(workers=2)
    load = Load(ledger.sender(gunicorn))

    with sending(load, 2):
        load.until_delivered(20)
        moved = service.run("hookonce", "move", "--live", "--to", target)
        assert moved.returncode == 0, moved.stdout
        until(lambda: load.answers.get("503"), "an answer after the old database was closed")
        before = set(load.acknowledged)
        load.send_to(service.gunicorn(workers=1, DATABASE_URL=target).port)
        load.until_delivered(load.deliveries + 20)

    assert load.answers.keys() <= {"200", "503"}
    copied = _ledger(target, Path(ledger.directory))
    rows = copied.rows_by_key()
    copied.database.dispose()
    assert before <= set(load.acknowledged) <= set(rows)
    assert set(rows.values()) == {1}


def test_a_move_that_is_killed_goes_on_where_it_was(
    database_url: str, target: str, tmp_path: Path
) -> None:
    seed(database_url)
    expected = content(database_url)

    for number in KILLS:
        command = ("hookonce", "move", "--to", target)
        running = Running(tmp_path / "move.log", *command, DATABASE_URL=database_url)
        _until_lines(running, tmp_path / "move.log", number)
        running.kill()
    ended = run("hookonce", "move", "--to", target, DATABASE_URL=database_url)

    assert ended.returncode == 0, ended.stdout
    assert content(target) == expected


def test_a_full_disk_stops_the_move_and_more_space_lets_it_go_on(databases: Databases) -> None:
    with databases.at_head("sqlite") as source, databases.at_head("sqlite") as target:
        fill(source, 900)
        expected = content(source)
        full = subprocess.run(
            ["bash", "-c", f"ulimit -f {FILE_BLOCKS}; exec {COMMANDS}/hookonce move --to {target}"],
            env=environment({"DATABASE_URL": source}),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

        assert full.returncode == 1, full.stderr
        assert "run the same command again once the cause is gone" in full.stderr
        assert "Traceback" not in full.stderr
        ended = run("hookonce", "move", "--to", target, DATABASE_URL=source)
        assert ended.returncode == 0, ended.stdout
        assert content(target) == expected


def test_of_two_movers_one_waits_for_the_other(
    database_url: str, target: str, tmp_path: Path
) -> None:
    seed(database_url)
    expected = content(database_url)
    command = ("hookonce", "move", "--to", target)

    both = [Running(tmp_path / f"{n}.log", *command, DATABASE_URL=database_url) for n in range(2)]
    statuses = [mover.ended() for mover in both]

    assert statuses == [0, 0], [mover.log() for mover in both]
    assert content(target) == expected
    assert any("Everything was moved there already" in mover.log() for mover in both)


@pytest.mark.skipif(not THOROUGH, reason="it takes minutes")
@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_hundred_thousand_executions_are_moved_there_and_back(
    database_url: str, target: str, databases: Databases
) -> None:
    fill(database_url, ROWS)

    moves.moved(database_url, target)
    with databases.at_head("sqlite") as back:
        compared = moves.moved(target, back)

    rows = {each.table: each.rows for each in compared}
    assert (rows["trigger_executions"], rows["execution_requests"]) == (ROWS, ROWS)


def _until_lines(running: Running, log: Path, number: int) -> None:
    """Wait until the move printed so many lines of progress, or ended."""
    until(
        lambda: not running.alive or len(log.read_text().splitlines()) >= number,
        f"{number} lines of progress",
    )


def _ledger(url: str, directory: Path) -> Ledger:
    return Ledger(Database(moves.settings_of(url)), directory)
