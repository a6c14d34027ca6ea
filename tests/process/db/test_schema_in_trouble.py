"""On a schema that it does not fit, the service refuses with a reason, and recovers."""

import pytest

from app.db.schema import history
from tests.support.databases import migrate
from tests.support.ledger import Ledger
from tests.support.service import Running, Service, run, until
from tests.support.socket_sender import Answer, Sender

HEAD = history()[-1]


def test_below_the_unique_index_nothing_is_admitted_and_after_the_upgrade_all_is_well(
    service: Service, ledger: Ledger, database_url: str
) -> None:
    gunicorn = service.gunicorn()
    worker = service.worker()
    sender = ledger.sender(gunicorn)
    assert sender.post_event("before").acknowledged
    ledger.wait_until_done("before")

    migrate(database_url, to="0001", down=True)
    refused = _refused_in_the_end(sender)
    worker.wait_for("evt=worker_paused")
    migrate(database_url)

    assert refused.status == 503
    assert int(refused.retry_after or 0) > 0
    _acknowledged_in_the_end(sender, "after")
    _acknowledged_in_the_end(sender, "before")  # a duplicate: its key was restored
    assert ledger.rows_by_key() == {"before": 1, "after": 1}
    _worked_off(ledger, worker)


def test_a_found_database_that_has_the_columns_but_no_index_yet_admits_nothing(
    service: Service, ledger: Ledger
) -> None:
    ledger.execute(
        "DROP INDEX uq_trigger_idem", "UPDATE hookonce_alembic_version SET version_num = '0001'"
    )
    sender = ledger.sender(service.gunicorn())

    answer = sender.post_event("paid-1")

    assert answer.status == 503
    assert int(answer.retry_after or 0) > 0
    assert ledger.count() == 0


def _refused_in_the_end(sender: Sender) -> Answer:
    """Send duplicates until one is not acknowledged; return that response."""
    seen: list[Answer] = []

    def refused() -> bool:
        seen.append(sender.post_event("before"))
        return not seen[-1].acknowledged

    until(refused, "a refusal below the unique index")
    return seen[-1]


def _acknowledged_in_the_end(sender: Sender, key: str) -> None:
    """Send the event until it is acknowledged: each process reads the schema once a second."""
    until(lambda: sender.post_event(key).acknowledged, f"{key} acknowledged at head")


def _worked_off(ledger: Ledger, worker: Running) -> None:
    ledger.wait_until_done()
    assert worker.stop() == 0
    assert ledger.runs() == {row.id: 1 for row in ledger.executions()}


@pytest.mark.parametrize("command", ["worker", "check"])
def test_an_old_schema_stops_the_command_with_both_revisions_and_what_to_run(
    service: Service, database_url: str, command: str
) -> None:
    migrate(database_url, to="0002", down=True)

    ended = service.run("hookonce", command)

    assert ended.returncode == 1
    assert (
        f"the database is at revision 0002, this code needs {HEAD}: "
        "run `alembic upgrade head`" in ended.stdout
    )
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("command", ["worker", "check"])
def test_a_schema_of_later_code_stops_the_command_and_names_the_way_back(
    service: Service, ledger: Ledger, command: str
) -> None:
    ledger.execute("UPDATE hookonce_alembic_version SET version_num = '9999'")

    ended = service.run("hookonce", command)

    assert ended.returncode == 1
    assert f"is at revision 9999, this code needs {HEAD}" in ended.stdout
    assert f"`alembic downgrade {HEAD}`" in ended.stdout
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("command", ["worker", "check"])
def test_an_empty_database_stops_the_command_and_names_the_way_up(
    empty_url: str, command: str
) -> None:
    ended = run("hookonce", command, DATABASE_URL=empty_url)

    assert ended.returncode == 1
    assert "run `alembic upgrade head`" in ended.stdout
    assert "Traceback" not in ended.stdout
