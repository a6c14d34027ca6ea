"""Our revision has a table of its own; another program's `alembic_version` is not ours."""

import os
import subprocess
import sys
from unittest import mock

import pytest
from alembic import command
from alembic.util import CommandError

from app import health
from app.db import Database, schema
from app.settings import from_environment
from tests.support import found_databases as found
from tests.support.databases import ROOT, alembic_config, migrate
from tests.support.revisions import NAMES
from tests.support.schema_dump import connected, data, execute
from tests.support.schema_dump import schema as dumped

HEAD = NAMES[-1]
EARLIER_HEAD = "0023"
"""The newest revision of the releases that kept it in `alembic_version`."""
VERSION = "SELECT version_num FROM hookonce_alembic_version"
PLAIN = "SELECT version_num FROM alembic_version"
CREATE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def foreign(url: str, *revisions: str) -> None:
    execute(url, CREATE, *(f"INSERT INTO alembic_version VALUES ('{r}')" for r in revisions))


def as_an_earlier_release_left_it(url: str, revision: str = EARLIER_HEAD) -> None:
    """Move the revision to where earlier releases kept it."""
    migrate(url, to=revision)
    execute(url, CREATE, f"INSERT INTO alembic_version {VERSION}")
    execute(url, "DROP TABLE hookonce_alembic_version")


def shown(url: str) -> str:
    """Return what `alembic current` prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "alembic", "current"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def revision_read(url: str) -> str | None:
    with connected(url) as connection:
        return schema.current_revision(connection)


@pytest.mark.parametrize(
    ("revisions", "adopted"),
    [(("0018",), False), (("0001",), True), (("ab12cd34", "0001"), True)],
    ids=str,
)
def test_the_table_of_another_program_is_neither_believed_nor_changed(
    empty_url: str, revisions: tuple[str, ...], adopted: bool
) -> None:
    if adopted:
        found.make(empty_url, tuple(found.ADDED_COLUMNS), found.INDEXES)
    foreign(empty_url, *revisions)
    tables, rows = dumped(empty_url), data(empty_url)

    before = revision_read(empty_url)
    migrate(empty_url)
    at_head = execute(empty_url, VERSION)
    kept = sorted(execute(empty_url, PLAIN))
    migrate(empty_url, to="base", down=True)

    assert before is None
    assert at_head == [(HEAD,)]
    assert kept == sorted((revision,) for revision in revisions)
    assert (dumped(empty_url), data(empty_url)) == (tables, rows)


def test_another_program_can_begin_after_us(empty_url: str) -> None:
    migrate(empty_url)
    foreign(empty_url, "ab12cd34")

    migrate(empty_url, to=NAMES[-2], down=True)
    migrate(empty_url)

    assert execute(empty_url, PLAIN) == [("ab12cd34",)]
    assert revision_read(empty_url) == HEAD


@pytest.mark.parametrize(
    ("revision", "adopted"),
    [(NAMES[0], False), (NAMES[0], True), (NAMES[1], True), (EARLIER_HEAD, False)],
)
def test_what_an_earlier_release_stamped_is_read_and_taken_over(
    empty_url: str, revision: str, adopted: bool
) -> None:
    if adopted:
        found.make(empty_url, tuple(found.ADDED_COLUMNS), found.INDEXES)
    as_an_earlier_release_left_it(empty_url, revision)

    before = revision_read(empty_url)
    migrate(empty_url)

    assert before == revision
    assert revision_read(empty_url) == HEAD
    assert execute(empty_url, VERSION) == execute(empty_url, PLAIN) == [(HEAD,)]


def test_processes_of_an_earlier_release_read_the_revision_until_base(empty_url: str) -> None:
    as_an_earlier_release_left_it(empty_url)

    migrate(empty_url, to=NAMES[3], down=True)
    below = execute(empty_url, PLAIN)
    migrate(empty_url, to="base", down=True)
    foreign(empty_url, "ab12cd34")  # the name is free again

    assert below == [(NAMES[3],)]
    migrate(empty_url)
    assert execute(empty_url, PLAIN) == [("ab12cd34",)]


def test_every_command_takes_an_earlier_stamp_for_what_it_is(empty_url: str) -> None:
    as_an_earlier_release_left_it(empty_url, "0022")

    current = shown(empty_url)
    unchanged = execute(empty_url, PLAIN)
    with mock.patch.dict(os.environ, {"DATABASE_URL": empty_url}):
        command.stamp(alembic_config(), "0022")
    after = shown(empty_url)

    assert current.split()[0] == after.split()[0] == "0022"
    assert unchanged == execute(empty_url, VERSION) == [("0022",)]


def test_a_database_of_an_earlier_release_is_recognised_before_it_is_taken_over(
    empty_url: str,
) -> None:
    as_an_earlier_release_left_it(empty_url)
    database = Database(from_environment({"DATABASE_URL": empty_url}))

    findings = health.findings(database)
    database.dispose()

    (detail,) = [each.detail for each in findings if not each.passed]
    assert detail.startswith(f"the database is at revision {EARLIER_HEAD}, this code needs {HEAD}")


def test_an_unfinished_upgrade_of_an_earlier_release_is_recognised(empty_url: str) -> None:
    as_an_earlier_release_left_it(empty_url)
    earlier = NAMES[NAMES.index(EARLIER_HEAD) - 1]
    execute(empty_url, f"UPDATE alembic_version SET version_num = '{earlier}'")

    migrate(empty_url)

    assert revision_read(empty_url) == HEAD


def test_our_tables_at_another_revision_are_not_what_the_plain_table_says(empty_url: str) -> None:
    as_an_earlier_release_left_it(empty_url, NAMES[7])
    execute(empty_url, f"UPDATE alembic_version SET version_num = '{EARLIER_HEAD}'")

    assert revision_read(empty_url) is None


def test_whoever_may_read_the_revision_may_read_it_afterwards(empty_url: str, kind: str) -> None:
    if kind == "sqlite":
        pytest.skip("SQLite has no roles")
    as_an_earlier_release_left_it(empty_url)
    role = execute(empty_url, "SELECT 'reader_' || current_database()")[0][0]
    execute(empty_url, f"CREATE ROLE {role}", f"GRANT SELECT ON alembic_version TO {role}")

    migrate(empty_url)

    query = f"SET ROLE {role}"
    read = execute(empty_url, query, VERSION), execute(empty_url, query, PLAIN)
    execute(empty_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")
    assert read == ([(HEAD,)], [(HEAD,)])


def test_a_database_that_was_only_stamped_is_named_so(empty_url: str) -> None:
    found.make(empty_url)
    with mock.patch.dict(os.environ, {"DATABASE_URL": empty_url}):
        command.stamp(alembic_config(), "head")
    database = Database(from_environment({"DATABASE_URL": empty_url}))

    named = health.findings(database)[-1].detail
    with pytest.raises(CommandError, match=r"\(was the database only stamped\?\)"):
        migrate(empty_url)
    with mock.patch.dict(os.environ, {"DATABASE_URL": empty_url}):
        command.stamp(alembic_config(), "base")
    migrate(empty_url)

    assert "columns of this revision are missing, such as delivery_counts." in named
    assert "was the database only stamped? Run `alembic stamp REVISION`" in named
    assert all(each.passed for each in health.findings(database))
    database.dispose()
