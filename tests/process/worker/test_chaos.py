"""No acknowledged event is lost or run twice when processes die: a short `make chaos`."""

import random
from collections.abc import Iterator

import pytest

from tests.support import sink
from tests.support.chaos import (
    Scene,
    crowd_the_workers,
    kill_again_and_again,
    restart_the_server,
    stop_again_and_again,
)
from tests.support.databases import Databases
from tests.support.ledger import Ledger
from tests.support.service import Service
from tests.support.thorough import THOROUGH

KILLS = 6 if THOROUGH else 2
DELIVERIES = 100 * KILLS
STOPS = 3 if THOROUGH else 1
RESTARTS_SECONDS = 5.0
BACK_SECONDS = 60.0
"""Far more than it takes (docs/chaos.md), so that only a receiver that hangs is noticed."""
CROWD = 8
DUE_AT_ONCE = 1_000


@pytest.fixture
def scene(service: Service, ledger: Ledger) -> Iterator[Scene]:
    with sink.listening() as target:
        yield Scene(service, ledger, target, random.Random(random.random()))


def test_nothing_acknowledged_is_lost_or_doubled_while_receivers_and_workers_are_killed(
    scene: Scene,
) -> None:
    killed = kill_again_and_again(scene, KILLS, DELIVERIES)

    assert killed.findings.not_kept() == {}
    assert sum(killed.kills.values()) == KILLS
    assert killed.findings.deliveries >= DELIVERIES
    assert killed.findings.duplicates * 3 >= killed.findings.deliveries


@pytest.mark.skipif(not THOROUGH, reason="it stops processes again and again")
def test_receivers_and_workers_that_are_asked_to_stop_under_load_leave_nothing_half_done(
    scene: Scene,
) -> None:
    stopped = stop_again_and_again(scene, STOPS)

    assert stopped.findings.not_kept() == {}
    assert stopped.findings.lost_attempts == 0
    assert stopped.findings.runs_again == 0


@pytest.mark.parametrize("kind", ["postgresql"])
def test_while_postgresql_restarts_every_answer_is_a_2xx_or_503_and_nothing_is_lost(
    scene: Scene, databases: Databases
) -> None:
    restarted = restart_the_server(scene, databases.server, RESTARTS_SECONDS)

    assert restarted.findings.not_kept() == {}
    assert restarted.findings.answers.keys() == {"200", "503"}
    assert max(restarted.receiver_back_seconds) < BACK_SECONDS
    assert max(restarted.worker_back_seconds) < BACK_SECONDS


@pytest.mark.skipif(not THOROUGH, reason="it starts eight workers")
def test_eight_workers_run_a_thousand_executions_that_come_due_at_once_each_once(
    scene: Scene,
) -> None:
    crowded = crowd_the_workers(scene, CROWD, DUE_AT_ONCE)

    assert crowded.findings.not_kept() == {}
    assert crowded.findings.runs_again == 0
    assert crowded.findings.lost_attempts == 0
    assert crowded.findings.failed_attempts == 0
