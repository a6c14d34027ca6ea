"""The receiver goes on receiving on every revision that has the unique index, and on no other."""

import pytest
import sqlalchemy as sa

from app.db import Database
from app.db.models import trigger_executions
from app.db.schema import WATCH_SECONDS, SchemaWatch, history
from app.errors import DatabaseUnavailable
from app.intake.message import OK, WebhookResponse
from app.intake.receive import Intake, receive
from app.intake.trigger_cache import TriggerCache
from tests.support import factories, samples
from tests.support.databases import migrate
from tests.support.thorough import some


def send(intake: Intake, trigger_id: int, key: str) -> WebhookResponse:
    sent = samples.json_request("custom", {"messageId": key})
    return receive(factories.request(sent, trigger_id), intake)


def keys(database: Database) -> list[str]:
    column = trigger_executions.c.idempotency_key
    with database.reading() as connection:
        return list(connection.execute(sa.select(column).order_by(column)).scalars())


@pytest.mark.parametrize("revision", some(history()[1:-1], one_in=12))
def test_a_key_is_admitted_once_on_an_older_revision(
    database_url: str, database: Database, intake: Intake, revision: str
) -> None:
    trigger_id = factories.trigger(database)
    migrate(database_url, to=revision, down=True)

    answers = [send(intake, trigger_id, "m-1") for _ in range(2)]

    assert answers == [OK, OK]
    assert keys(database) == ["m-1"]


@pytest.mark.parametrize("revision", some(history()[1:-1], one_in=12))
def test_a_downgrade_between_two_requests_is_noticed(
    database_url: str, database: Database, intake: Intake, revision: str
) -> None:
    trigger_id = factories.trigger(database)
    send(intake, trigger_id, "m-1")
    migrate(database_url, to=revision, down=True)

    assert send(intake, trigger_id, "m-2") == OK
    assert keys(database) == ["m-1", "m-2"]


def test_an_upgrade_is_noticed_within_two_seconds(database_url: str, database: Database) -> None:
    moment = [0.0]
    watch = SchemaWatch(database, lambda: moment[0])
    intake = Intake(database, TriggerCache(database), watch, now=lambda: samples.NOW)
    trigger_id = factories.trigger(database)
    migrate(database_url, to="0002", down=True)
    send(intake, trigger_id, "m-1")
    migrate(database_url)

    moment[0] += WATCH_SECONDS
    send(intake, trigger_id, "m-2")

    due = [row.next_attempt_at for row in factories.executions(database)]
    assert due[1] > due[0]


@pytest.mark.parametrize("revision", ["0001", "base"])
def test_nothing_is_admitted_without_the_unique_index(
    database_url: str, database: Database, intake: Intake, revision: str
) -> None:
    trigger_id = factories.trigger(database)
    migrate(database_url, to=revision, down=True)

    with pytest.raises(DatabaseUnavailable):
        send(intake, trigger_id, "m-1")


def test_the_sentence_names_both_revisions_and_the_command(
    database_url: str, database: Database
) -> None:
    migrate(database_url, to="0001", down=True)

    with pytest.raises(DatabaseUnavailable, match=r"0001.*run `alembic upgrade head`"):
        SchemaWatch(database).admitting()
