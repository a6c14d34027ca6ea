"""An event is admitted once, however many times it is sent at the same moment."""

import re

import pytest

from tests.support.ledger import Ledger
from tests.support.service import Service
from tests.support.socket_sender import event

SENDERS = 25
WORKER_PROCESSES = 4


@pytest.mark.parametrize("pre_check", ["on", "off"])
def test_25_identical_requests_at_once_are_all_acknowledged_and_one_runs(
    service: Service, ledger: Ledger, pre_check: str
) -> None:
    gunicorn = service.gunicorn(workers=WORKER_PROCESSES, HOOKONCE_PRE_CHECK=pre_check)
    worker = service.worker()
    sender = ledger.sender(gunicorn)

    answers = sender.post_at_once(event("paid-1"), SENDERS)

    assert [each.acknowledged for each in answers] == [True] * SENDERS
    ledger.wait_until_done("paid-1")
    assert sender.post_event("one-later").acknowledged
    ledger.wait_until_done("one-later")  # whatever came late to the first has run by now
    assert worker.stop() == 0
    assert ledger.rows_by_key() == {"paid-1": 1, "one-later": 1}
    assert ledger.runs() == {row.id: 1 for row in ledger.executions()}


def test_without_the_pre_check_every_duplicate_is_a_lost_race_that_the_log_shows(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=WORKER_PROCESSES, HOOKONCE_PRE_CHECK="off")
    sender = ledger.sender(gunicorn)

    sender.post_at_once(event("paid-1"), SENDERS)

    fields = f"trigger_id={sender.trigger_id} key=paid-1 existing_exec_id={ledger.id_of('paid-1')}"
    races = gunicorn.lines("idempotent_replay_race")
    assert len(races) == SENDERS - 1
    told = re.compile(rf"at=\S+ level=info evt=idempotent_replay_race {fields} request_id=\S+")
    assert all(told.fullmatch(line) for line in races)
    assert gunicorn.lines("idempotent_replay") == []


def test_a_duplicate_that_comes_later_is_found_by_the_pre_check_and_logged(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn()
    sender = ledger.sender(gunicorn)
    sender.post_event("paid-1")

    again = sender.post_event("paid-1")

    assert again.acknowledged
    fields = f"trigger_id={sender.trigger_id} key=paid-1 existing_exec_id={ledger.id_of('paid-1')}"
    [line] = gunicorn.lines("idempotent_replay")
    assert re.fullmatch(rf"at=\S+ level=info evt=idempotent_replay {fields} request_id=\S+", line)
    assert gunicorn.lines("idempotent_replay_race") == []


@pytest.mark.parametrize("pre_check", ["on", "off"])
def test_without_the_index_the_same_storm_is_refused_whole(
    service: Service, ledger: Ledger, pre_check: str
) -> None:
    """tests/integration/intake/test_lost_index.py shows what a storm does with no eye on it."""
    ledger.execute("DROP INDEX uq_trigger_idem")
    gunicorn = service.gunicorn(workers=WORKER_PROCESSES, HOOKONCE_PRE_CHECK=pre_check)
    sender = ledger.sender(gunicorn)

    answers = sender.post_at_once(event("paid-1"), SENDERS)

    assert [each.status for each in answers] == [503] * SENDERS
    assert ledger.count() == 0
