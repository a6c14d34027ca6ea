"""An upgrade restores every value and the whole schema that a downgrade removed."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.db.migration_ops import batches
from app.db.models import metadata
from tests.support import found_databases as found
from tests.support.databases import Databases, migrate
from tests.support.revisions import NAMES, before
from tests.support.schema_dump import data, execute, schema, stashes
from tests.support.seeding import seed, seed_bare
from tests.support.thorough import some

HEAD = NAMES[-1]
every_revision = pytest.mark.parametrize("revision", some(NAMES, one_in=20))
Rows = dict[str, list[dict[str, Any]]]


def seeded_at_every_level(url: str) -> None:
    for name in some(NAMES, one_in=3):
        migrate(url, to=name)
        seed(url)


@pytest.fixture
def seeded_url(databases: Databases, kind: str) -> Iterator[str]:
    """A database of this test at head, with rows that were written at every revision."""
    with databases.copied(kind, seeded_at_every_level) as url:
        yield url


def projected(rows: Rows, onto: Rows, names: dict[str, set[str]]) -> Rows:
    """Return the part of `rows` that the tables and columns of an older schema have."""
    return {
        table: sorted(
            ({k: v for k, v in row.items() if k in names[table]} for row in rows[table]), key=repr
        )
        for table in onto
    }


def completed_by_older_code(url: str) -> str:
    leased = "lease_owner" in column_names(url)["trigger_executions"]
    let_go = ", lease_owner = NULL" if leased else ""
    return f"status = 'completed', completed_at = '2024-03-01 00:00:00'{let_go}"


def column_names(url: str) -> dict[str, set[str]]:
    return {name: {c[0] for c in table["columns"]} for name, table in schema(url).items()}


def test_all_the_way_down_and_up_again_nothing_is_lost(seeded_url: str) -> None:
    rows, tables = data(seeded_url), schema(seeded_url)

    migrate(seeded_url, to="base", down=True)
    at_base = schema(seeded_url)
    migrate(seeded_url)

    assert at_base == {}
    assert data(seeded_url) == rows
    assert schema(seeded_url) == tables
    assert stashes(seeded_url) == set()


def test_the_seed_holds_what_is_easily_lost(seeded_url: str) -> None:
    rows = data(seeded_url)

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
def test_older_code_sees_its_own_columns_with_every_value(seeded_url: str, revision: str) -> None:
    rows = data(seeded_url)

    migrate(seeded_url, to=revision, down=True)

    seen = data(seeded_url)
    assert seen == projected(rows, seen, column_names(seeded_url))


@every_revision
def test_rows_that_older_code_writes_meanwhile_have_the_defaults(
    seeded_url: str, revision: str
) -> None:
    rows = data(seeded_url)["trigger_executions"]

    migrate(seeded_url, to=revision, down=True)
    older = seed_bare(seeded_url)
    migrate(seeded_url)
    fresh = seed_bare(seeded_url)

    by_id = {row["id"]: row for row in data(seeded_url)["trigger_executions"]}
    written, expected = by_id.pop(older), by_id.pop(fresh)
    assert written | {"id": 0, "trigger_id": 0} == expected | {"id": 0, "trigger_id": 0}
    assert sorted(by_id.values(), key=repr) == rows


@every_revision
def test_values_changed_at_an_older_level_stay_changed(seeded_url: str, revision: str) -> None:
    migrate(seeded_url, to=revision, down=True)
    execute(
        seeded_url,
        f"UPDATE trigger_executions SET {completed_by_older_code(seeded_url)}, error = 'meanwhile'",
    )
    migrate(seeded_url)

    statuses = {(r["status"], r["error"]) for r in data(seeded_url)["trigger_executions"]}
    assert statuses == {("completed", "meanwhile")}


@every_revision
def test_rows_deleted_at_an_older_level_stay_deleted(seeded_url: str, revision: str) -> None:
    keep = data(seeded_url)["trigger_executions"][0]["id"]

    migrate(seeded_url, to=revision, down=True)
    execute(
        seeded_url,
        *(["PRAGMA foreign_keys = ON"] if seeded_url.startswith("sqlite") else []),
        f"DELETE FROM trigger_executions WHERE id <> {keep}",
    )
    migrate(seeded_url)

    rows = data(seeded_url)
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


@pytest.mark.parametrize("revision", [NAMES[8], NAMES[6], NAMES[0]])
def test_discarding_drops_the_stashes_of_earlier_downgrades_of_later_revisions_too(
    seeded_url: str, revision: str
) -> None:
    migrate(seeded_url, to=NAMES[8], down=True)

    migrate(seeded_url, to=revision, down=True, discard="yes")

    assert stashes(seeded_url) == set()


def test_discarding_leaves_the_stashes_of_others_and_an_upgrade_discards_nothing(
    seeded_url: str,
) -> None:
    migrate(seeded_url, to=NAMES[8], down=True)
    execute(seeded_url, "CREATE TABLE _stash_of_the_owner (id INTEGER)")
    before = stashes(seeded_url)

    migrate(seeded_url, to=NAMES[8], discard="yes")
    after_an_upgrade = stashes(seeded_url)
    migrate(seeded_url, to="base", down=True, discard="yes")

    assert after_an_upgrade == before
    assert stashes(seeded_url) == {"_stash_of_the_owner"}


def test_what_was_discarded_is_given_to_no_new_row(seeded_url: str) -> None:
    migrate(seeded_url, to=NAMES[8], down=True)
    migrate(seeded_url, to="base", down=True, discard="yes")

    migrate(seeded_url, to=NAMES[8])
    seed_bare(seeded_url, "triggers")
    migrate(seeded_url)

    (trigger,) = data(seeded_url)["triggers"]
    assert {trigger["sealed_secret"], trigger["keep_rows_seconds"]} == {None}


def test_discarding_after_a_stashed_step_drops_the_children_too(seeded_url: str) -> None:
    migrate(seeded_url, to=NAMES[1], down=True)

    migrate(seeded_url, to="base", down=True, discard="yes")

    assert schema(seeded_url) == {}
    migrate(seeded_url)
    assert {name for name, rows in data(seeded_url).items() if rows} == set()


def test_a_table_standing_beside_its_stash_is_not_guessed_about(empty_url: str) -> None:
    migrate(empty_url)
    seed(empty_url)
    migrate(empty_url, to="base", down=True)
    execute(empty_url, "CREATE TABLE triggers (id INTEGER PRIMARY KEY)")
    tables = schema(empty_url, whole=True)

    with pytest.raises(Exception, match=r"rename one of them|not the table of the older system"):
        migrate(empty_url)

    assert schema(empty_url, whole=True) == tables


def test_a_replay_keeps_its_key_below_the_revision_that_knows_replays(empty_url: str) -> None:
    migrate(empty_url)
    seed(empty_url)
    column = "trigger_id, status, idempotency_key, replay_of_id, chain_id"
    execute(
        empty_url,
        f"INSERT INTO trigger_executions ({column}) VALUES (1, 'pending', 'again', NULL, NULL)",
        f"INSERT INTO trigger_executions ({column}) VALUES (1, 'pending', 'again', 900, 900)",
        f"INSERT INTO trigger_executions ({column}) VALUES (1, 'pending', 'again', 901, 900)",
        f"INSERT INTO trigger_executions ({column}) VALUES (1, 'pending', 'orphaned', 902, 902)",
        f"INSERT INTO trigger_executions ({column}) VALUES (1, 'pending', 'expired', 903, 903)",
        f"INSERT INTO trigger_executions ({column}) VALUES (1, 'pending', 'expired', 904, 903)",
        f"INSERT INTO trigger_executions ({column}) VALUES (1, 'pending', 'expired', NULL, NULL)",
    )
    rows, tables = data(empty_url), schema(empty_url)

    migrate(empty_url, to="0007", down=True)
    below = Counter(row["idempotency_key"] for row in data(empty_url)["trigger_executions"])
    migrate(empty_url)

    assert below["again"] == 1
    assert below["orphaned"] == 1
    assert below["expired"] == 1  # the key came again after its first execution had lost it
    assert data(empty_url) == rows
    assert schema(empty_url) == tables
    assert stashes(empty_url) == set()


def test_rows_that_break_a_condition_from_before_are_left_and_new_ones_are_refused(
    empty_url: str,
) -> None:
    migrate(empty_url, to="0012")
    seed(empty_url)
    execute(
        empty_url,
        "INSERT INTO trigger_executions (trigger_id, status) VALUES (1, 'success')",
        "INSERT INTO trigger_executions (trigger_id, status) VALUES (1, 'failed')",
    )
    rows, tables = data(empty_url)["trigger_executions"], schema(empty_url)

    migrate(empty_url)
    kept = data(empty_url)["trigger_executions"]
    for row in ("1, 'success'", "1, 'completed'"):
        with pytest.raises(IntegrityError):
            execute(
                empty_url, f"INSERT INTO trigger_executions (trigger_id, status) VALUES ({row})"
            )
    migrate(empty_url, to="0012", down=True)

    assert {(row["id"], row["status"]) for row in kept} == {(r["id"], r["status"]) for r in rows}
    assert data(empty_url)["trigger_executions"] == rows
    assert schema(empty_url) == tables


def test_ids_may_lie_any_distance_apart(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    found.make(empty_url)
    migrate(empty_url)
    for number in (-(10**9), 0, 10**9, 2**31 - 1):
        execute(
            empty_url,
            "INSERT INTO trigger_executions (id, trigger_id, status, completed_at, finished_by) "
            f"VALUES ({number}, 1, 'completed', '2024-02-29 00:00:00', 'me')",
        )
    if empty_url.startswith("postgresql"):
        execute(empty_url, f"SELECT setval('trigger_executions_id_seq', {number})")
    rows = data(empty_url)

    migrate(empty_url, to="base", down=True)
    migrate(empty_url)

    assert data(empty_url) == rows


def test_an_execution_with_the_id_0_may_break_a_condition_from_before(empty_url: str) -> None:
    migrate(empty_url, to="0012")
    seed_bare(empty_url, "triggers")
    execute(
        empty_url,
        "INSERT INTO trigger_executions (id, trigger_id, status) VALUES (0, 1, 'success')",
    )

    migrate(empty_url, to="0013")

    assert [row["status"] for row in data(empty_url)["trigger_executions"]] == ["success"]
