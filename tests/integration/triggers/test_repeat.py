"""A real event is repeated as a test event: marked, without a key, with its request."""

import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from app import cli
from app.db import Database
from app.db.models import execution_requests
from app.errors import InvalidRequest, NotFound
from app.triggers import repeat
from tests.support import factories


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database, slug="orders")


def test_the_copy_has_the_event_and_the_request_and_no_key(
    database: Database, database_url: str, trigger_id: int
) -> None:
    event = '{"event_type":"order.paid","data":{"id":7}}'
    real = factories.execution(
        database, trigger_id, "failed", event_data=event, idempotency_key="k-1"
    )
    factories.request_of(database, real, b'{"id":7}', "application/json")
    runner = CliRunner(env={"DATABASE_URL": database_url})

    sent = runner.invoke(cli.main, ["trigger", "send", "orders", "--like", str(real), "--json"])

    made = json.loads(sent.output)["execution_id"]
    before, copy = factories.executions(database)
    assert (copy.id, copy.status, copy.idempotency_key) == (made, "pending", None)
    assert json.loads(copy.event_data) == {"_test": True, **json.loads(event)}
    assert (before.status, before.event_data) == ("failed", event)
    with database.reading() as connection:
        requests = connection.execute(sa.select(execution_requests)).all()
    assert {row.execution_id: row.body for row in requests} == {
        real: b'{"id":7}',
        made: b'{"id":7}',
    }


def test_what_cannot_be_repeated_is_named(database: Database, trigger_id: int) -> None:
    of_another = factories.execution(database, factories.trigger(database))
    pruned = factories.execution(database, trigger_id, "completed", event_data=None)
    odd = factories.execution(database, trigger_id, event_data="[1]")

    for execution_id, error, words in (
        (of_another, NotFound, f"has no execution {of_another}"),
        (pruned, NotFound, f"the event of execution {pruned} is no longer kept"),
        (odd, InvalidRequest, "not a JSON object"),
    ):
        with pytest.raises(error, match=words):
            repeat.as_test(database, trigger_id, execution_id)
    assert len(factories.executions(database)) == 3
