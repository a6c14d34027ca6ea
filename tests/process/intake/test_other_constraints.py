"""Only a violation of the idempotency index means duplicate; of any other it is our error (503)."""

from tests.support.ledger import Ledger
from tests.support.service import Gunicorn, Service
from tests.support.socket_sender import Answer, Sender, event

BROKEN = "an insert broke a constraint that is not the idempotency index"
TRIES = 5
"""Number of tries: the receiver caches a trigger for one second, and a machine may be slow."""

WITHOUT_CONTENT_TYPE_REFUSED = {
    "postgresql": ["ALTER TABLE execution_requests ALTER COLUMN content_type SET NOT NULL"],
    "sqlite": [
        "DROP TABLE execution_requests",
        """CREATE TABLE execution_requests (execution_id INTEGER PRIMARY KEY,
           content_type TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL)""",
    ],
}
NOT_NULL_SAYS = {
    "postgresql": 'null value in column \\"content_type\\"',
    "sqlite": "NOT NULL constraint failed: execution_requests.content_type",
}
FOREIGN_KEY_SAYS = {
    "postgresql": "fk_trigger_executions_trigger_id_triggers",
    "sqlite": "FOREIGN KEY constraint failed",
}
OTHER_UNIQUE_SAYS = {
    "postgresql": "one_event_for_each_trigger",
    "sqlite": "UNIQUE constraint failed: trigger_executions.trigger_id",
}


def test_a_trigger_deleted_between_look_up_and_insert_is_no_duplicate(
    service: Service, ledger: Ledger, kind: str
) -> None:
    gunicorn = service.gunicorn(workers=1)

    sender, answer = _answer_after_the_trigger_is_gone(gunicorn, ledger)

    assert _refused(answer)
    assert _logged_whole(gunicorn, FOREIGN_KEY_SAYS[kind])
    assert ledger.count() == 0
    assert sender.post_event("after").status == 401  # and from now on it is known to be gone


def _answer_after_the_trigger_is_gone(gunicorn: Gunicorn, ledger: Ledger) -> tuple[Sender, Answer]:
    for number in range(TRIES):
        sender = ledger.sender(gunicorn, f"orders-{number}")
        assert sender.post_event("before").acknowledged
        ledger.execute(f"DELETE FROM triggers WHERE id = {sender.trigger_id}")
        answer = sender.post_event("between")
        if answer.status != 401:
            break
    return sender, answer


def test_a_missing_value_is_no_duplicate_and_leaves_no_half_event(
    service: Service, ledger: Ledger, kind: str
) -> None:
    ledger.execute(*WITHOUT_CONTENT_TYPE_REFUSED[kind])
    gunicorn = service.gunicorn()
    sender = ledger.sender(gunicorn)

    answer = sender.post(event("paid-1"), content_type=None)

    assert _refused(answer)
    assert _logged_whole(gunicorn, NOT_NULL_SAYS[kind])
    assert ledger.count() == 0
    assert sender.post(event("paid-1")).acknowledged


def test_a_violation_of_another_unique_index_is_no_duplicate(
    service: Service, ledger: Ledger, kind: str
) -> None:
    ledger.execute(
        "CREATE UNIQUE INDEX one_event_for_each_trigger ON trigger_executions (trigger_id)"
    )
    gunicorn = service.gunicorn()
    sender = ledger.sender(gunicorn)
    assert sender.post_event("paid-1").acknowledged

    answer = sender.post_event("paid-2")

    assert _refused(answer)
    assert _logged_whole(gunicorn, OTHER_UNIQUE_SAYS[kind])
    assert ledger.rows_by_key() == {"paid-1": 1}
    assert sender.post_event("paid-1").acknowledged  # the real duplicate still is one


def _refused(answer: Answer) -> bool:
    return answer.status == 503 and answer.retry_after is not None


def _logged_whole(gunicorn: Gunicorn, constraint: str) -> bool:
    """Return True if one log line has the error, the traceback and the constraint."""
    lines = [line for line in gunicorn.log().splitlines() if BROKEN in line]
    return len(lines) == 1 and "Traceback" in lines[0] and constraint in lines[0]
