"""What a downgrade takes away comes back with the upgrade: every value, and the whole schema."""

from typing import Any

import pytest

from app.models import metadata
from tests.databases import migrate
from tests.migrations.history import NAMES, before
from tests.migrations.schema_dump import data, execute, schema, stashes
from tests.migrations.seeding import seed, seed_bare

HEAD = NAMES[-1]
every_revision = pytest.mark.parametrize("revision", NAMES)
Rows = dict[str, list[dict[str, Any]]]


def seeded_at_every_level(url: str) -> None:
    for name in NAMES:
        migrate(url, to=name)
        seed(url)


def projected(rows: Rows, onto: Rows, columns: dict[str, set[str]]) -> Rows:
    """What of `rows` can be seen through the tables and columns of an older schema."""
    return {
        table: sorted(
            ({k: v for k, v in row.items() if k in columns[table]} for row in rows[table]), key=repr
        )
        for table in onto
    }


def column_names(url: str) -> dict[str, set[str]]:
    return {name: {c[0] for c in table["columns"]} for name, table in schema(url).items()}


def test_all_the_way_down_and_up_again_nothing_is_lost(empty_url: str) -> None:
    seeded_at_every_level(empty_url)
    rows, tables = data(empty_url), schema(empty_url)

    migrate(empty_url, to="base", down=True)
    at_base = schema(empty_url)
    migrate(empty_url)

    assert at_base == {}
    assert data(empty_url) == rows
    assert schema(empty_url) == tables
    assert stashes(empty_url) == set()


def test_the_seed_holds_what_is_easily_lost(empty_url: str) -> None:
    seeded_at_every_level(empty_url)

    rows = data(empty_url)

    assert set(rows) == set(metadata.tables)
    executions = rows["trigger_executions"]
    assert {row["status"] for row in executions} >= {"pending", "running", "failed", "replayed"}
    assert {row["idempotency_key"] is None for row in executions} == {True, False}
    assert any("🪝" in (row["idempotency_key"] or "") for row in executions)


@every_revision
def test_one_step_down_and_up_again_nothing_is_lost(empty_url: str, revision: str) -> None:
    migrate(empty_url, to=revision)
    seed(empty_url)
    rows, tables = data(empty_url), schema(empty_url)

    migrate(empty_url, to=before(revision), down=True)
    migrate(empty_url, to=revision)

    assert data(empty_url) == rows
    assert schema(empty_url) == tables
    assert stashes(empty_url) == set()


@every_revision
def test_a_step_down_arrives_where_the_upgrade_began(empty_url: str, revision: str) -> None:
    if before(revision) != "base":
        migrate(empty_url, to=before(revision))
    tables = schema(empty_url)

    migrate(empty_url, to=revision)
    seed(empty_url)
    migrate(empty_url, to=before(revision), down=True)

    assert schema(empty_url) == tables


@every_revision
def test_older_code_sees_its_own_columns_with_every_value(empty_url: str, revision: str) -> None:
    seeded_at_every_level(empty_url)
    rows = data(empty_url)

    migrate(empty_url, to=revision, down=True)

    seen = data(empty_url)
    assert seen == projected(rows, seen, column_names(empty_url))


@every_revision
def test_rows_that_older_code_writes_meanwhile_have_the_defaults(
    empty_url: str, revision: str
) -> None:
    seeded_at_every_level(empty_url)
    rows = data(empty_url)["trigger_executions"]

    migrate(empty_url, to=revision, down=True)
    older = seed_bare(empty_url)
    migrate(empty_url)
    fresh = seed_bare(empty_url)

    by_id = {row["id"]: row for row in data(empty_url)["trigger_executions"]}
    written, expected = by_id.pop(older), by_id.pop(fresh)
    assert written | {"id": 0, "trigger_id": 0} == expected | {"id": 0, "trigger_id": 0}
    assert sorted(by_id.values(), key=repr) == rows


@every_revision
def test_values_changed_at_an_older_level_stay_changed(empty_url: str, revision: str) -> None:
    seeded_at_every_level(empty_url)

    migrate(empty_url, to=revision, down=True)
    execute(empty_url, "UPDATE trigger_executions SET status = 'completed', error = 'meanwhile'")
    migrate(empty_url)

    statuses = {(r["status"], r["error"]) for r in data(empty_url)["trigger_executions"]}
    assert statuses == {("completed", "meanwhile")}


@every_revision
def test_rows_deleted_at_an_older_level_stay_deleted(empty_url: str, revision: str) -> None:
    seeded_at_every_level(empty_url)
    keep = data(empty_url)["trigger_executions"][0]["id"]

    migrate(empty_url, to=revision, down=True)
    execute(
        empty_url,
        *(["PRAGMA foreign_keys = ON"] if empty_url.startswith("sqlite") else []),
        f"DELETE FROM trigger_executions WHERE id <> {keep}",
    )
    migrate(empty_url)

    rows = data(empty_url)
    assert [row["id"] for row in rows["trigger_executions"]] == [keep]
    assert {row["execution_id"] for row in rows["execution_attempts"]} <= {keep}


@every_revision
def test_discarding_drops_what_the_step_takes_away(empty_url: str, revision: str) -> None:
    migrate(empty_url, to=revision)
    tables = schema(empty_url)
    seed(empty_url)

    migrate(empty_url, to=before(revision), down=True, discard="yes")
    left = stashes(empty_url)
    migrate(empty_url, to=revision)

    assert left == set()
    assert schema(empty_url) == tables


def test_discarding_after_a_stashed_step_drops_the_children_too(empty_url: str) -> None:
    seeded_at_every_level(empty_url)
    migrate(empty_url, to=NAMES[1], down=True)

    migrate(empty_url, to="base", down=True, discard="yes")

    assert schema(empty_url) == {}
    migrate(empty_url)
    assert data(empty_url) == {name: [] for name in metadata.tables}


def test_an_empty_stash_of_columns_is_not_kept(empty_url: str) -> None:
    migrate(empty_url)

    migrate(empty_url, to=NAMES[0], down=True)

    assert not {name for name in stashes(empty_url) if name.endswith("trigger_executions")}


def test_a_table_standing_beside_its_stash_is_not_guessed_about(empty_url: str) -> None:
    migrate(empty_url)
    seed(empty_url)
    migrate(empty_url, to="base", down=True)
    execute(empty_url, "CREATE TABLE triggers (id INTEGER PRIMARY KEY)")
    tables = schema(empty_url, whole=True)

    with pytest.raises(Exception, match=r"move one of them away by hand|not the one"):
        migrate(empty_url)

    assert schema(empty_url, whole=True) == tables
