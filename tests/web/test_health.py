"""/healthz and /readyz: readiness for a load balancer, with the reason for the operator."""

from dataclasses import replace
from pathlib import Path

import pytest
from falcon import testing

from app.db import Database
from app.db.schema import history
from app.settings import Settings
from app.web.application import create_app
from tests.support.databases import migrate

KEYS = "idempotency_key IS NOT NULL AND replay_of_id IS NULL"


def test_a_process_that_answers_is_alive(client: testing.TestClient) -> None:
    answer = client.simulate_get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_a_fit_database_makes_it_ready(client: testing.TestClient) -> None:
    answer = client.simulate_get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert list(answer.json["checks"]) == ["database", "schema", "deduplication"]


@pytest.mark.parametrize("revision", ["0004", "0001", "base"])
def test_another_revision_makes_it_unready_and_is_named(
    client: testing.TestClient, database_url: str, revision: str
) -> None:
    migrate(database_url, to=revision, down=True)

    answer = client.simulate_get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (503, "not_ready")
    assert f"is at revision {revision}, this code needs" in answer.json["checks"]["schema"]


def test_a_revision_of_newer_code_is_named(client: testing.TestClient, database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    answer = client.simulate_get("/readyz")

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
    client: testing.TestClient, database: Database, unique: str, columns: str, where: str
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX uq_trigger_idem")
        connection.exec_driver_sql(
            f"CREATE {unique} INDEX uq_trigger_idem ON trigger_executions ({columns}) WHERE {where}"
        )

    answer = client.simulate_get("/readyz")

    assert answer.status_code == 503
    assert "duplicates would be admitted" in answer.json["checks"]["deduplication"]


def test_a_missing_unique_index_makes_it_unready(
    client: testing.TestClient, database: Database
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX uq_trigger_idem")

    answer = client.simulate_get("/readyz")

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
    assert list(answer.json["checks"]) == ["database"]


def test_a_database_that_was_only_stamped_is_not_ready(
    client: testing.TestClient, database: Database, database_url: str
) -> None:
    migrate(database_url, to="base", down=True)
    with database.writing() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO alembic_version (version_num) VALUES ('{history()[-1]}')"
        )

    answer = client.simulate_get("/readyz")

    assert answer.status_code == 503
    assert "only stamped?" in answer.json["checks"]["deduplication"]
