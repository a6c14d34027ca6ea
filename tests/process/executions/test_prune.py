"""Pruning a large backlog does not disturb the requests that come meanwhile."""

from datetime import timedelta

import sqlalchemy as sa

from app import clock
from app.db.models import trigger_executions
from app.lifecycle import COMPLETED
from tests.support.ledger import Ledger
from tests.support.service import Service, until
from tests.support.socket_sender import Answer, event

LONG_AGO = timedelta(days=60)
OLD = 20_000
"""Expired executions: some seconds of pruning, during which requests must arrive."""
CLIENTS = 4


def test_while_old_executions_are_removed_every_webhook_is_acknowledged(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(workers=2))
    finished(ledger, sender.trigger_id)

    prune = service.start("hookonce", "prune", "--json")
    until(lambda: ledger.count() < OLD or not prune.alive, "the first step")
    answers: list[Answer] = []
    while prune.alive:
        answers += sender.post_at_once(event(f"paid-{len(answers)}"), CLIENTS)

    assert prune.ended() == 0, prune.log()
    assert f'"executions": {OLD}' in prune.log()
    assert answers
    assert all(answer.acknowledged for answer in answers)
    assert sorted(ledger.rows_by_key()) == sorted(
        f"paid-{number}" for number in range(0, len(answers), CLIENTS)
    )


def finished(ledger: Ledger, trigger_id: int) -> None:
    """Create OLD expired executions, each with a key that is free again."""
    then = clock.now() - LONG_AGO
    row = {
        "trigger_id": trigger_id,
        "event_data": "{}",
        "status": COMPLETED,
        "received_at": then,
        "completed_at": then,
    }
    keyed = [{"idempotency_key": f"old-{number}"} for number in range(OLD)]
    with ledger.database.writing() as connection:
        connection.execute(sa.insert(trigger_executions).values(row), keyed)
