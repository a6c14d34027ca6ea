"""No acknowledged event is lost or run twice when gunicorn and worker get SIGKILL."""

import http.client
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from tests.support.ledger import Ledger
from tests.support.service import Service, until
from tests.support.socket_sender import Answer, Sender

CLIENTS = 6
ACKNOWLEDGED_BEFORE_THE_KILL = 60
ROUNDS = 2
SHORT_LEASE = {"HOOKONCE_LEASE_SECONDS": "1"}

ONLY_THE_FIRST_ATTEMPT_HANGS = """
echo "$HOOKONCE_EXECUTION_ID" >> begun
[ "$HOOKONCE_ATTEMPT" = 1 ] && exec sleep 600
echo "$HOOKONCE_EXECUTION_ID" >> ran
"""
EACH_ATTEMPT_UNTIL_ALLOWED = """
echo "$HOOKONCE_EXECUTION_ID" >> "begun-$HOOKONCE_ATTEMPT"
until [ -e "allowed-$HOOKONCE_ATTEMPT" ]; do sleep 0.02; done
"""
UNTIL_ALLOWED = """
echo "$HOOKONCE_EXECUTION_ID" >> begun
until [ -e allowed ]; do sleep 0.02; done
echo "$HOOKONCE_EXECUTION_ID" >> ran
"""


@dataclass
class Load:
    """Clients that post one event after another, every third one twice, until they are stopped."""

    sender: Sender
    name: str
    acknowledged: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, client: int) -> None:
        for number in range(1_000_000):
            if self.stop.is_set():
                return
            key = f"{self.name}-{client}-{number}"
            for _ in range(2 if number % 3 == 0 else 1):
                self._post(key)

    def _post(self, key: str) -> None:
        try:
            answer = self.sender.post_event(key)
        except (OSError, http.client.HTTPException):
            return  # no answer is no acknowledgement
        if answer.acknowledged:
            self.acknowledged.add(key)


def test_every_acknowledged_event_outlives_kill_9_of_the_whole_tree_and_runs(
    service: Service, ledger: Ledger
) -> None:
    trigger = ledger.trigger()
    sender = Sender(0, trigger.id, trigger.secret)

    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        acknowledged |= _killed_under_load(service, sender, f"round-{number}")

    rows = ledger.rows_by_key()
    assert acknowledged <= rows.keys()
    gunicorn, worker = service.gunicorn(), service.worker(**SHORT_LEASE)
    again = _sent_again(replace(sender, port=gunicorn.port), acknowledged)
    ledger.wait_until_done()
    assert worker.stop() == 0
    assert all(answer.acknowledged for answer in again)
    assert set(ledger.rows_by_key().values()) == {1}
    assert ledger.rows_by_key() == rows
    assert ledger.all_completed()
    assert ledger.runs().keys() == {row.id for row in ledger.executions()}


def _killed_under_load(service: Service, sender: Sender, name: str) -> set[str]:
    """Kill gunicorn and worker under load; return the keys acknowledged before."""
    gunicorn, worker = service.gunicorn(workers=4), service.worker(**SHORT_LEASE)
    load = Load(replace(sender, port=gunicorn.port), name)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load.run, client) for client in range(CLIENTS)]
        until(lambda: len(load.acknowledged) >= ACKNOWLEDGED_BEFORE_THE_KILL, "a load")
        gunicorn.kill()
        worker.kill()
        load.stop.set()
    for client in clients:
        client.result()
    return load.acknowledged


def _sent_again(sender: Sender, keys: set[str]) -> list[Answer]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(sender.post_event, sorted(keys)))


def test_a_script_whose_worker_was_killed_is_run_again_by_another(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(), script=ONLY_THE_FIRST_ATTEMPT_HANGS)
    killed = service.worker(**SHORT_LEASE)
    assert sender.post_event("paid-1").acknowledged
    until((ledger.directory / "begun").exists, "the script begun")

    killed.kill()
    service.worker(**SHORT_LEASE)
    ledger.wait_until_done("paid-1")

    first, second = ledger.attempts()
    assert (first.outcome, second.outcome) == ("lost", "succeeded")
    assert first.worker != second.worker
    assert ledger.runs() == {ledger.id_of("paid-1"): 1}


def test_a_worker_told_to_stop_lets_the_running_script_finish_and_starts_no_other(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(), script=UNTIL_ALLOWED)
    worker = service.start("hookonce", "worker", "--concurrency", "1")
    assert sender.post_event("paid-1").acknowledged
    until((ledger.directory / "begun").exists, "the script begun")
    assert sender.post_event("paid-2").acknowledged

    worker.signal(signal.SIGTERM)
    (ledger.directory / "allowed").touch()

    assert worker.ended() == 0
    assert [row.status for row in ledger.executions()] == ["completed", "pending"]
    assert ledger.runs() == {ledger.id_of("paid-1"): 1}


def test_a_script_that_outlasts_the_grace_period_is_left_to_another_worker(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(), script=ONLY_THE_FIRST_ATTEMPT_HANGS)
    worker = service.worker(**SHORT_LEASE, HOOKONCE_SHUTDOWN_SECONDS="0.1")
    assert sender.post_event("paid-1").acknowledged
    until((ledger.directory / "begun").exists, "the script begun")

    status = worker.stop()
    service.worker(**SHORT_LEASE)
    ledger.wait_until_done("paid-1")

    assert status == 1
    assert len(worker.lines("abandoned")) == 1
    assert [each.outcome for each in ledger.attempts()] == ["lost", "succeeded"]


def test_a_worker_that_was_frozen_beyond_its_lease_does_not_settle_for_the_next_one(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(), script=EACH_ATTEMPT_UNTIL_ALLOWED)
    frozen = service.worker(**SHORT_LEASE)
    assert sender.post_event("paid-1").acknowledged
    until((ledger.directory / "begun-1").exists, "the first attempt")
    frozen.signal(signal.SIGSTOP)
    next_one = service.worker(**SHORT_LEASE)
    until((ledger.directory / "begun-2").exists, "the second attempt")

    (ledger.directory / "allowed-1").touch()
    frozen.signal(signal.SIGCONT)
    frozen.wait_for("evt=lease_lost")
    [meanwhile] = ledger.executions()
    (ledger.directory / "allowed-2").touch()
    ledger.wait_until_done("paid-1")

    assert meanwhile.status == "running"
    assert [each.outcome for each in ledger.attempts()] == ["lost", "succeeded"]
    assert (frozen.stop(), next_one.stop()) == (0, 0)
