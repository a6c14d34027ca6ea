"""Disturb a running service: kills, freezes, restarts, and many workers at once.

In minutes it meets as many failures as an unlucky machine in years.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from app.db import utc_now
from app.db.models import trigger_executions
from app.triggers import manage
from tests.support.databases import PostgresServer
from tests.support.findings import Findings, completed, found
from tests.support.ledger import Ledger
from tests.support.load import REFUSED, Load, sending
from tests.support.service import Running, Service, until
from tests.support.sink import Sink
from tests.support.socket_sender import Sender

CLIENTS = 8
FEW_CLIENTS = 2
"""The number of clients that one worker can keep up with while the other is stopped."""
LEASE_SECONDS = 3.0
TARGET_ALLOWED = {"HOOKONCE_EGRESS_ALLOW": "127.0.0.1/32"}
SETTINGS = {"HOOKONCE_LEASE_SECONDS": str(LEASE_SECONDS), **TARGET_ALLOWED}
RECEIVER_PROCESSES = 3
WORKERS = 2
SHUTDOWNS = ("immediate", "fast")


@dataclass(frozen=True)
class Scene:
    """The parts of one run: the service, its database, the target and the random numbers."""

    service: Service
    ledger: Ledger
    sink: Sink
    chance: random.Random

    def load(self, port: int, name: str) -> Load:
        """Return the senders of a new trigger that calls the target."""
        new = manage.NewTrigger(name=name, action_type="http", action_payload=self.sink.url)
        trigger = manage.add_trigger(self.ledger.database, new)
        return Load(Sender(port, trigger.id, trigger.secret), name, self.chance)


class Victims:
    """Receivers and workers on one database, to be killed or stopped at any moment."""

    def __init__(self, scene: Scene) -> None:
        self._service, self._chance = scene.service, scene.chance
        self.gunicorn = self._service.gunicorn(workers=RECEIVER_PROCESSES, **SETTINGS)
        self.workers = [self._started_worker() for _ in range(WORKERS)]
        self.kills: Counter[str] = Counter()
        self.stops: Counter[str] = Counter()
        self.killed: set[int] = set()

    def wait_for_workers(self) -> None:
        """Return once every worker has started to claim executions."""
        for worker in self.workers:
            worker.wait_for("evt=worker_started")

    def kill_one(self, load: Load) -> None:
        """Send SIGKILL to a random process and start it again."""
        kill = self._chance.choice(
            [self._kill_a_worker, self._kill_the_receiver, self._kill_a_receiver_process]
        )
        kill(load)

    def stop_one(self, load: Load) -> None:
        """Send SIGTERM to the next of workers and receiver; start it again once it has ended."""
        number = self.stops.total() % (WORKERS + 1)
        self.stops["receiver" if number == WORKERS else "worker"] += 1
        if number == WORKERS:
            assert self.gunicorn.stop() == 0
            self._start_the_receiver(load)
        else:
            assert self.workers[number].stop() == 0
            self.workers[number] = self._started_worker()
            self.workers[number].wait_for("evt=worker_started")

    def stop(self) -> None:
        """Stop everything; every exit status must be 0."""
        statuses = [each.stop() for each in (*self.workers, self.gunicorn)]
        assert set(statuses) == {0}, statuses

    def _kill_a_worker(self, _load: Load) -> None:
        number = self._chance.randrange(WORKERS)
        victim = self.workers[number]
        assert victim.alive, f"a worker ended by itself:\n{victim.log()}"
        self.killed.add(victim.pid)
        victim.kill()
        self.workers[number] = self._started_worker()
        self.kills["worker"] += 1

    def _kill_the_receiver(self, load: Load) -> None:
        assert self.gunicorn.alive, f"gunicorn ended by itself:\n{self.gunicorn.log()}"
        self.gunicorn.kill()
        self._start_the_receiver(load)
        self.kills["receiver, all processes"] += 1

    def _kill_a_receiver_process(self, _load: Load) -> None:
        assert self.gunicorn.alive, f"gunicorn ended by itself:\n{self.gunicorn.log()}"
        processes = until(self.gunicorn.children, "gunicorn with worker processes")
        with suppress(ProcessLookupError):  # it may have ended since it was listed
            os.kill(self._chance.choice(processes), signal.SIGKILL)
        self.kills["receiver, one process"] += 1

    def _start_the_receiver(self, load: Load) -> None:
        self.gunicorn = self._service.gunicorn(workers=RECEIVER_PROCESSES, **SETTINGS)
        load.send_to(self.gunicorn.port)

    def _started_worker(self) -> Running:
        """Start a worker without waiting: the next kill may come before it is ready."""
        return self._service.start("hookonce", "worker", **SETTINGS)


@dataclass(frozen=True)
class Killed:
    kills: dict[str, int]
    settled_seconds: float
    """Seconds from the end of the load until every execution was finished."""
    findings: Findings


def kill_again_and_again(scene: Scene, cycles: int, deliveries: int) -> Killed:
    """Send `cycles` SIGKILLs, spread over at least `deliveries` acknowledged deliveries."""
    victims = Victims(scene)
    load = scene.load(victims.gunicorn.port, "killed")
    with sending(load, CLIENTS):
        for cycle in range(cycles):
            share = deliveries * (cycle + scene.chance.random()) / cycles
            load.until_delivered(share)
            victims.kill_one(load)
        load.until_delivered(deliveries)
    began = time.monotonic()
    scene.ledger.wait_until_done()
    settled_seconds = time.monotonic() - began
    victims.wait_for_workers()  # the last one may only just have been started
    victims.stop()
    findings = found(load, scene.ledger, scene.sink.received, frozenset(victims.killed))
    return Killed(dict(victims.kills), settled_seconds, findings)


@dataclass(frozen=True)
class Stopped:
    stops: dict[str, int]
    findings: Findings


def stop_again_and_again(scene: Scene, times: int) -> Stopped:
    """Restart receivers and workers under load with SIGTERM, as a deployment does."""
    victims = Victims(scene)
    victims.wait_for_workers()
    load = scene.load(victims.gunicorn.port, "stopped")
    with sending(load, FEW_CLIENTS):
        for _ in range(times):
            load.until_delivered(load.deliveries + scene.chance.randrange(50, 70))
            victims.stop_one(load)
    scene.ledger.wait_until_done()
    victims.stop()
    return Stopped(dict(victims.stops), found(load, scene.ledger, scene.sink.received))


@dataclass(frozen=True)
class Frozen:
    freezes: int
    late_outcomes: int
    """Outcomes of a frozen worker that came after its lease and were not stored."""
    findings: Findings


def freeze_workers(scene: Scene, times: int, seconds: float) -> Frozen:
    """Freeze one worker after the other with SIGSTOP for longer than its lease."""
    victims = Victims(scene)
    load = scene.load(victims.gunicorn.port, "frozen")
    victims.wait_for_workers()
    with sending(load, FEW_CLIENTS):
        for number in range(times):
            load.until_delivered(load.deliveries + scene.chance.randrange(50, 70))
            frozen = victims.workers[number % WORKERS]
            frozen.signal(signal.SIGSTOP)
            load.abandon.wait(seconds)
            frozen.signal(signal.SIGCONT)
    scene.ledger.wait_until_done()
    victims.stop()
    everyone = frozenset(worker.pid for worker in victims.workers)
    late = sum(len(worker.lines("lease_lost")) for worker in victims.workers)
    return Frozen(times, late, found(load, scene.ledger, scene.sink.received, everyone))


@dataclass(frozen=True)
class Restarted:
    restarts: dict[str, int]
    receiver_back_seconds: list[float]
    """Seconds from the server's being ready to the next acknowledged event, for each restart."""
    worker_back_seconds: list[float]
    """Seconds from the server's being ready to the next stored outcome, for each restart."""
    findings: Findings


def restart_the_server(scene: Scene, server: PostgresServer, seconds: float) -> Restarted:
    """Restart PostgreSQL every few seconds under load, for `seconds`."""
    victims = Victims(scene)
    load = scene.load(victims.gunicorn.port, "restarted")
    victims.wait_for_workers()
    restarts: Counter[str] = Counter()
    back: list[tuple[float, float]] = []
    end = time.monotonic() + seconds
    with sending(load, CLIENTS):
        while time.monotonic() < end or len(restarts) < len(SHUTDOWNS):
            load.abandon.wait(scene.chance.uniform(1.0, 4.0))
            mode = SHUTDOWNS[restarts.total() % len(SHUTDOWNS)]
            back.append(_back_after_restart(scene, server, mode, load))
            restarts[mode] += 1
    scene.ledger.wait_until_done()
    victims.stop()
    findings = found(load, scene.ledger, scene.sink.received)
    receiver, worker = zip(*back, strict=True)
    return Restarted(dict(restarts), list(receiver), list(worker), findings)


def _back_after_restart(
    scene: Scene, server: PostgresServer, mode: str, load: Load
) -> tuple[float, float]:
    """Return the seconds from the server's start until receiver and worker worked again."""
    scene.ledger.database.dispose()
    refused = load.answers[REFUSED]
    server.stop(mode)
    try:
        until(lambda: load.answers[REFUSED] > refused, "a refusal without the database")
    finally:
        acknowledged = load.deliveries
        server.start()
    ready = time.monotonic()
    outcomes = completed(scene.ledger)
    until(lambda: load.deliveries > acknowledged, "an acknowledgement after the restart")
    receiver = time.monotonic() - ready
    until(lambda: completed(scene.ledger) > outcomes, "an outcome after the restart")
    return receiver, time.monotonic() - ready


@dataclass(frozen=True)
class Crowded:
    executions: int
    workers: int
    seconds: float
    findings: Findings


def crowd_the_workers(scene: Scene, workers: int, executions: int, concurrency: int = 4) -> Crowded:
    """Make many executions due at the same moment for many workers.

    The leases have their default length: on a busy machine SQLite's one write lock can keep a
    worker from settling for seconds, and this test is not about leases.
    """
    load = scene.load(0, "crowded")
    command = ("hookonce", "worker", "--concurrency", str(concurrency))
    crowd = [scene.service.start(*command, **TARGET_ALLOWED) for _ in range(workers)]
    for worker in crowd:
        worker.wait_for("evt=worker_started")
    keys = [f"crowded-{number}" for number in range(executions)]
    began = time.monotonic()
    _come_due(scene.ledger, load.sender.trigger_id, keys)
    scene.ledger.wait_until_done()
    seconds = time.monotonic() - began
    assert {worker.stop() for worker in crowd} == {0}
    load.acknowledged.update(dict.fromkeys(keys, 1))
    return Crowded(executions, workers, seconds, found(load, scene.ledger, scene.sink.received))


def _come_due(ledger: Ledger, trigger_id: int, keys: list[str]) -> None:
    """Insert all executions in one commit, due now."""
    rows = [
        {
            "trigger_id": trigger_id,
            "idempotency_key": key,
            "event_data": json.dumps({"idempotency_key": key}),
        }
        for key in keys
    ]
    insert = sa.insert(trigger_executions).values(status="pending", next_attempt_at=utc_now())
    with ledger.database.writing() as connection:
        connection.execute(insert, rows)
