"""Revisions above the keys with the trigger work on partitioned tables; below them none begins."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from app.db import Database, index_definition, partitioning, stash_removal, stashes
from app.db.index_definition import IndexDefinition
from app.db.migration_ops import shard_keys
from app.settings import from_environment
from tests.migrations.test_kill_points import copies, survive_every_kill
from tests.support import factories
from tests.support.databases import Databases, migrate
from tests.support.revisions import NAMES, before, with_one_more
from tests.support.schema_dump import data, execute, in_any_order, schema
from tests.support.seeding import seed
from tests.support.thorough import THOROUGH, some

ABOVE = NAMES[NAMES.index(shard_keys.SINCE) + 1 :]
every_revision = pytest.mark.parametrize("revision", some(ABOVE, one_in=8))
thorough = pytest.mark.skipif(not THOROUGH, reason="every statement, or every revision")
PARTITIONS = 3
INDEX = IndexDefinition("ix_extra", "execution_attempts", ("worker", "id"), where="number > 0")
BUILD = 'op.ensure_index("ix_extra", "execution_attempts", ["worker", "id"], where="number > 0")'


def changed(url: str, *, undo: bool = False) -> None:
    """Partition the database, whatever its revision, or undo it."""
    database = Database(from_environment({"DATABASE_URL": url}))
    if undo:
        partitioning.undo(database, lambda _table: None)
    else:
        partitioning.partition(database, PARTITIONS, lambda _table: None)
    database.dispose()


def partitioned_with_rows(url: str) -> None:
    migrate(url)
    seed(url)
    changed(url)


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    """Yield a partitioned database at head with rows in every table."""
    with databases.copied("postgresql", partitioned_with_rows) as copied:
        yield copied


@pytest.mark.parametrize("revision", ABOVE)
def test_a_step_down_and_up_again_loses_nothing(url: str, revision: str) -> None:
    migrate(url, to=revision, down=True)
    rows, tables = data(url), in_any_order(schema(url))

    migrate(url, to=before(revision), down=True)
    migrate(url, to=revision)

    assert (data(url), in_any_order(schema(url))) == (rows, tables)


@thorough
@every_revision
@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
def test_a_step_killed_anywhere_arrives_when_run_again(
    databases: Databases, url: str, revision: str, down: bool
) -> None:
    migrate(url, to=revision, down=True)
    if not down:
        migrate(url, to=before(revision), down=True)

    with copies(databases) as copy:
        to = before(revision) if down else revision
        assert survive_every_kill(url, copy, to, down=down) >= 1


def test_events_arrive_while_the_schema_moves(url: str) -> None:
    database = Database(from_environment({"DATABASE_URL": url}))
    trigger_ids = [factories.trigger(database) for _ in range(4)]
    before_it = {row.id for row in factories.executions(database)}
    admitted: list[int] = []
    ended = threading.Event()

    def send() -> None:
        columns = "trigger_executions (trigger_id, event_data, received_at)"
        rows = ", ".join(f"({each}, '{{}}', now())" for each in trigger_ids)
        while not ended.is_set():
            inserted = execute(url, f"INSERT INTO {columns} VALUES {rows} RETURNING id")
            admitted.extend(row.id for row in inserted)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        migrate(url, to=shard_keys.SINCE, down=True)
        migrate(url)
    finally:
        ended.set()
        sender.join()

    kept = {row.id for row in factories.executions(database)} - before_it
    database.dispose()
    assert (len(admitted) > 0, kept) == (True, set(admitted))


def test_a_downgrade_below_the_keys_is_refused_before_its_first_step(url: str) -> None:
    tables, rows = schema(url, whole=True), data(url, whole=True)

    for to in ("0030", "base"):
        with pytest.raises(CommandError, match="run hookonce partition --undo first"):
            migrate(url, to=to, down=True)

    assert (schema(url, whole=True), data(url, whole=True)) == (tables, rows)


@thorough
def test_after_the_undo_the_whole_way_down_and_up_loses_nothing(url: str) -> None:
    rows, tables = data(url), in_any_order(schema(url))

    changed(url, undo=True)
    migrate(url, to="base", down=True)
    migrate(url)
    changed(url)

    assert (data(url), in_any_order(schema(url))) == (rows, tables)


def test_a_hidden_column_is_one_stash_and_can_be_dropped(url: str, tmp_path: Path) -> None:
    hide(url, tmp_path)
    database = Database(from_environment({"DATABASE_URL": url}))

    with database.reading() as connection:
        listed = [each.name for each in stashes.listed(connection)]
    dropped = [each.name for each in stash_removal.drop(database, listed, threading.Event())]
    database.dispose()

    assert dropped == listed == ["execution_attempts._stash_9999_region"]
    assert "region" not in str(schema(url, whole=True))


@pytest.mark.parametrize("hidden_before", [False, True])
def test_a_discard_leaves_no_column(url: str, hidden_before: bool) -> None:
    if hidden_before:
        migrate(url, to=shard_keys.SINCE, down=True)
        assert "_stash_" in str(schema(url, whole=True))

    migrate(url, to=shard_keys.SINCE, down=True, discard="yes")

    assert "_stash_" not in str(schema(url, whole=True))


def hide(url: str, directory: Path) -> None:
    """Add a column by a revision of its own, and step down again."""
    config = with_one_more(
        directory,
        'op.add_or_restore_columns(revision, "execution_attempts", sa.Column("region", sa.Text()))',
        'op.stash_columns(revision, "execution_attempts", ["region"])',
    )
    moved(config, url)
    moved(config, url, down=True)


def moved(config: Config, url: str, *, down: bool = False) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        (command.downgrade if down else command.upgrade)(config, NAMES[-1] if down else "head")


def test_an_index_is_built_on_each_partition_and_removed(url: str, tmp_path: Path) -> None:
    config = with_one_more(tmp_path, BUILD, 'op.remove_index("ix_extra", "execution_attempts")')

    moved(config, url)
    built, parts = is_built(url), indexes(url)
    moved(config, url, down=True)

    assert (built, len(parts)) == (True, PARTITIONS + 1)
    assert indexes(url) == []


def test_what_a_killed_build_left_is_completed(url: str, tmp_path: Path) -> None:
    """One partition's index is finished, that of another is invalid, and one is another index."""
    on = "ON execution_attempts_p"
    execute(
        url,
        f"CREATE INDEX ix_extra_p0 {on}0 (worker, id) WHERE number > 0",
        f"CREATE INDEX ix_extra_p1 {on}1 (worker, id) WHERE number > 0",
        f"CREATE INDEX ix_extra_p2 {on}2 (worker)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_extra_p1'::regclass",
        "CREATE INDEX ix_extra ON ONLY execution_attempts (id)",
    )

    moved(with_one_more(tmp_path, BUILD), url)

    assert (is_built(url), len(indexes(url))) == (True, PARTITIONS + 1)


def is_built(url: str) -> bool:
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        as_defined = index_definition.is_as_defined(connection, INDEX)
    engine.dispose()
    return as_defined


def indexes(url: str) -> list[str]:
    query = "SELECT relname::text FROM pg_class WHERE relname ~ '^ix_extra'"
    return [row[0] for row in execute(url, query)]
