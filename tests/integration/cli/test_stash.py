"""`hookonce stash` lists and drops what downgrades stashed."""

import json
import os
import subprocess
import sys

import pytest

from app.db import Database
from app.db.migration_ops import preparation, shadow
from tests.integration.cli.test_commands import Hookonce, hookonce, printed
from tests.support import factories
from tests.support import schema_dump as dump
from tests.support.databases import ROOT, migrate

__all__ = ["hookonce"]

BELOW = "0007"
DIGEST = "trigger_executions._stash_0012_payload_digest"


@pytest.fixture
def stashed_url(database: Database, database_url: str) -> str:
    """A database below head whose executions have values in hidden columns."""
    first = factories.execution(
        database, factories.trigger(database), "replayed", idempotency_key="k"
    )
    factories.execution(database, 1, idempotency_key="k", replay_of_id=first)
    dump.execute(database_url, "UPDATE trigger_executions SET payload_digest = 'd' || id")
    migrate(database_url, to=BELOW, down=True)
    return database_url


def test_the_list_has_every_stash_with_its_size(hookonce: Hookonce, stashed_url: str) -> None:
    rows = {row["stash"]: row for row in printed(hookonce("stash", "list", "--json"))}

    assert rows.keys() == dump.stashes(stashed_url)
    assert rows[DIGEST]["values"] == 2
    assert rows[DIGEST]["bytes"] > 0
    assert rows["_stash_0008_replay_keys"]["values"] == 1


def test_a_dry_run_drops_nothing_and_needs_no_answer(hookonce: Hookonce, stashed_url: str) -> None:
    before = dump.schema(stashed_url, whole=True), dump.data(stashed_url, whole=True)

    result = printed(hookonce("stash", "drop", "--dry-run", "--json"))

    assert {row["stash"] for row in result["stashes"]} == dump.stashes(stashed_url)
    assert (dump.schema(stashed_url, whole=True), dump.data(stashed_url, whole=True)) == before


def test_all_stashes_are_dropped_and_an_upgrade_begins_empty(
    hookonce: Hookonce, stashed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "LARGE_ROWS", 1)
    older = dump.data(stashed_url)

    result = hookonce("stash", "drop", "--yes")
    left, kept = dump.stashes(stashed_url), dump.data(stashed_url)
    migrate(stashed_url)

    assert result.exit_code == 0, result.output
    assert (left, kept) == (set(), older)
    rows = dump.data(stashed_url)["trigger_executions"]
    assert {row["payload_digest"] for row in rows} == {None}
    assert len(rows) == 2


def test_only_the_dropped_stashes_are_logged(stashed_url: str) -> None:
    stashed = dump.stashes(stashed_url)

    ended = subprocess.run(
        [sys.executable, "-m", "app", "stash", "drop", "--yes"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": stashed_url},
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr
    assert {line.split("stash=")[-1].split()[0] for line in ended.stderr.splitlines()} == stashed


def test_a_named_stash_is_dropped_alone(hookonce: Hookonce, stashed_url: str) -> None:
    before = dump.stashes(stashed_url)

    result = hookonce("stash", "drop", DIGEST, "--yes")
    wrong = hookonce("stash", "drop", "absent", "--yes")

    assert result.exit_code == 0, result.output
    assert dump.stashes(stashed_url) == before - {DIGEST}
    assert wrong.exit_code == 1
    assert "there is no stash absent" in wrong.output


@pytest.mark.parametrize("kind", ["sqlite"])
def test_the_column_of_a_large_table_is_dropped_by_a_copy_of_the_table(
    hookonce: Hookonce, stashed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "LARGE_ROWS", 1)
    monkeypatch.setattr(shadow, "BATCH_ROWS", 1)

    hookonce("stash", "drop", DIGEST, "--yes")
    rows = {row["stash"]: row["values"] for row in json.loads(_listed(hookonce))}
    migrate(stashed_url)

    assert DIGEST not in rows
    found = dump.data(stashed_url)["trigger_executions"]
    assert {row["payload_digest"] for row in found} == {None}


def _listed(hookonce: Hookonce) -> str:
    return str(hookonce("stash", "list", "--json").stdout)


def test_a_view_on_a_stashed_column_is_named_before_anything_is_dropped(
    hookonce: Hookonce, stashed_url: str
) -> None:
    column = DIGEST.partition(".")[2]
    dump.execute(stashed_url, f"CREATE VIEW owners_view AS SELECT {column} FROM trigger_executions")
    before = dump.schema(stashed_url, whole=True), dump.data(stashed_url, whole=True)

    refused = hookonce("stash", "drop", "--yes")
    unchanged = dump.schema(stashed_url, whole=True), dump.data(stashed_url, whole=True)
    dump.execute(stashed_url, "DROP VIEW owners_view")
    again = hookonce("stash", "drop", "--yes")

    assert refused.exit_code == 1
    assert "DROP VIEW" in refused.output
    assert "owners_view" in refused.output
    assert unchanged == before
    assert again.exit_code == 0, again.output
    assert dump.stashes(stashed_url) == set()
