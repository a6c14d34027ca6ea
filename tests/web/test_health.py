"""/healthz and /readyz: readiness for a load balancer, with the reason for the operator."""

from dataclasses import replace
from pathlib import Path

import pytest
from falcon import testing

from app.db import Database
from app.db.schema import history
from app.log import LogEvent
from app.settings import Settings
from app.web.application import create_app
from tests.support.api import Api
from tests.support.databases import migrate

BEARER = {"Authorization": "Bearer made-up"}
KEYS = "idempotency_key IS NOT NULL AND replay_of_id IS NULL"


def test_a_process_that_answers_is_alive(client: testing.TestClient) -> None:
    answer = client.simulate_get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the sentences of the failed checks in the log."""
    lines = [each for each in caplog.records if isinstance(each, LogEvent)]
    return [str(each.fields["detail"]) for each in lines if each.evt == "not_ready"]


NAMES = ["database", "schema", "deduplication", "writing", "workers"]


def test_a_fit_database_makes_it_ready(client: testing.TestClient) -> None:
    answer = client.simulate_get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert answer.json["checks"] == dict.fromkeys(NAMES, "passed")


def test_without_a_worker_it_is_ready_unless_the_setting_says_otherwise(
    settings: Settings, database: Database
) -> None:
    strict = replace(settings, hookonce_ready_needs_worker=True)
    client = testing.TestClient(create_app(strict, database))

    answer = client.simulate_get("/readyz")

    assert answer.status_code == 503
    assert answer.json["checks"]["workers"] == "failed"


def test_only_an_operator_reads_versions_and_revisions(
    api: Api, operator: str, admin: str, viewer: str
) -> None:
    told = {api.ask("GET", "/readyz", token).text for token in (operator, admin)}
    untold = {api.ask("GET", "/readyz", token).text for token in (None, viewer, "made up")}

    assert len(told) == len(untold) == 1
    assert "answers" in told.pop()
    assert "answers" not in untold.pop()


@pytest.mark.parametrize("revision", ["0004", "0001", "base"])
def test_another_revision_makes_it_unready_and_is_named(
    client: testing.TestClient,
    database_url: str,
    revision: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    migrate(database_url, to=revision, down=True)

    answers = [client.simulate_get("/readyz", headers=BEARER) for _ in range(2)]

    for answer in answers:
        assert (answer.status_code, answer.json["status"]) == (503, "not_ready")
        assert answer.json["checks"] == {"database": "passed", "schema": "failed"}
    (sentence,) = logged(caplog)
    assert f"is at revision {revision}, this code needs" in sentence


def test_a_revision_of_newer_code_is_named(api: Api, operator: str, database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE hookonce_alembic_version SET version_num = '9999'")

    answer = api.ask("GET", "/readyz", operator)

    assert answer.status_code == 503
    assert "does not know 9999" in answer.json["checks"]["schema"]


@pytest.mark.parametrize(
    ("unique", "columns", "where"),
    [
        ("", "trigger_id, idempotency_key", KEYS),
        ("UNIQUE", "id, idempotency_key", KEYS),
        ("UNIQUE", "trigger_id, idempotency_key", f"{KEYS} AND status = 'pending'"),
    ],
    ids=["not unique", "of other columns", "of some rows"],
)
def test_another_index_in_the_place_of_the_unique_one_makes_it_unready(
    api: Api, operator: str, database: Database, unique: str, columns: str, where: str
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX uq_trigger_idem")
        connection.exec_driver_sql(
            f"CREATE {unique} INDEX uq_trigger_idem ON trigger_executions ({columns}) WHERE {where}"
        )

    answer = api.ask("GET", "/readyz", operator)

    assert answer.status_code == 503
    assert "duplicates would be admitted" in answer.json["checks"]["deduplication"]


def test_a_missing_unique_index_makes_it_unready(
    api: Api, operator: str, database: Database
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX uq_trigger_idem")

    answer = api.ask("GET", "/readyz", operator)

    assert answer.status_code == 503
    assert "duplicates would be admitted" in answer.json["checks"]["deduplication"]


def test_a_database_that_is_away_makes_it_unready(settings: Settings, tmp_path: Path) -> None:
    elsewhere = (
        f"sqlite:///{tmp_path}"
        if settings.embedded
        else f"postgresql+psycopg://postgres@/postgres?host={tmp_path}"
    )
    away = Database(replace(settings, database_url=elsewhere))
    client = testing.TestClient(create_app(settings, away))

    answer = client.simulate_get("/readyz")
    away.dispose()

    assert answer.status_code == 503
    assert answer.json["checks"] == {"database": "failed"}
    assert str(tmp_path) not in answer.text


def test_a_database_that_was_only_stamped_is_not_ready(
    client: testing.TestClient,
    database: Database,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    migrate(database_url, to="base", down=True)
    with database.writing() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO hookonce_alembic_version (version_num) VALUES ('{history()[-1]}')"
        )

    answer = client.simulate_get("/readyz")

    assert answer.status_code == 503
    assert answer.json["checks"]["deduplication"] == "failed"
    assert "only stamped?" in logged(caplog)[0]
