"""A command imports only what it needs: imports take most of a short command's time."""

import os
import pkgutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

import app.cli
from app.db import Database
from app.settings import Settings
from tests.support import factories
from tests.support.databases import ROOT, migrate

CLIENTS = {"http.client", "urllib3"}
MIGRATIONS = {"alembic", "sqlalchemy.dialects.postgresql"}
SOURCES = {"app.intake.sources", "cryptography"}
DEFINITIONS = {*SOURCES, *CLIENTS, "app.actions", "app.triggers.fields"}
NEVER = {"app.web", "falcon", "gunicorn", "jinja2", "jwt", "psycopg", "sqlalchemy.orm"}
SLOW = {*NEVER, *DEFINITIONS, *MIGRATIONS, "app.worker", "smtplib", "yaml"}
"""Modules that are slow to import, and that most commands do not use."""
USED_BY = {
    "action": {*CLIENTS, "app.actions"},
    "adopt": {*SOURCES, *CLIENTS, *MIGRATIONS, "app.actions"},
    "doctor": DEFINITIONS,
    "doctor_checks": {*SOURCES, *CLIENTS},
    "doctor_trigger": DEFINITIONS,
    "listen": CLIENTS,
    "migrate": MIGRATIONS,
    "move": MIGRATIONS,
    "notify": {*CLIENTS, "app.actions"},
    "partition": MIGRATIONS,
    "prune": SOURCES,
    "source": SOURCES,
    "trigger_add": DEFINITIONS,
    "trigger_edit": DEFINITIONS,
    "trigger_fields": DEFINITIONS,
    "trigger_file": {*DEFINITIONS, "yaml"},
    "trigger_options": DEFINITIONS,
    "trigger_send": {*CLIENTS, *SOURCES},
    "trigger_verify": SOURCES,
    "trigger_warnings": SOURCES,
    "triggers": {*DEFINITIONS, "yaml"},
    "worker": {*SOURCES, *CLIENTS, "app.actions", "app.worker", "smtplib"},
}
"""Slow modules that the module of a command may import, by its name; the others import none."""
LISTS = (
    *("audit list", "breaker list", "dead list", "delivery list", "execution list", "held list"),
    *("mismatch list", "stash list", "token list", "trigger list", "trigger counts", "workers"),
)
WITHOUT_DATABASE = ("action list", "source list", "source show github", "trigger fields")
UNUSED = "asyncio email importlib.metadata socket sqlalchemy ssl subprocess zipfile"
"""Modules that SQLAlchemy imports, and SQLAlchemy itself; none of the others is used."""
LOADS = "import sys, importlib\nfor each in sys.argv[2:]: importlib.import_module(each)\n"
RUNS = (
    "import sys\nfrom contextlib import suppress\nfrom app.cli import main\n"
    "for each in sys.argv[2:]:\n"
    "    with suppress(SystemExit): main(each.split(), standalone_mode=False)\n"
)
PRINTS_SLOW = "print('SLOW', *(each for each in sys.argv[1].split() if each in sys.modules))"


@pytest.fixture
def migrated(tmp_path: Path) -> str:
    """Return the URL of a database at head."""
    url = f"sqlite:///{tmp_path}/lists.db"
    migrate(url)
    return url


def imported(
    script: str, *arguments: str, url: str = "sqlite://", watched: str = " ".join(SLOW)
) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", script + PRINTS_SLOW, watched, *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.splitlines()[-1].split()[1:])


def modules(names: Collection[str]) -> list[str]:
    return [f"app.cli.{each}" for each in sorted(names)]


def test_a_command_imports_no_slow_module_unless_it_is_listed_here() -> None:
    every = {each.name for each in pkgutil.iter_modules(app.cli.__path__)}
    assert USED_BY.keys() <= every

    assert imported(LOADS, *modules(every - USED_BY.keys())) == set()


def test_a_command_about_sources_alone_imports_no_action_and_no_migration() -> None:
    alone = {name for name, used in USED_BY.items() if used <= {*SOURCES, *CLIENTS}}

    assert imported(LOADS, *modules(alone)) <= {*SOURCES, *CLIENTS}


def test_a_command_that_defines_triggers_imports_no_migration() -> None:
    defines = {name for name, used in USED_BY.items() if used == DEFINITIONS}

    assert imported(LOADS, *modules(defines)) <= DEFINITIONS


def test_no_command_imports_the_web_the_server_or_an_optional_library() -> None:
    everything = imported(LOADS, *modules(USED_BY))

    assert everything.isdisjoint(NEVER)


def test_a_list_imports_no_slow_module_while_it_runs(migrated: str) -> None:
    assert imported(RUNS, *LISTS, url=migrated) == set()


def test_a_command_without_a_database_imports_no_sqlalchemy() -> None:
    loaded = imported(RUNS, *WITHOUT_DATABASE, watched="sqlalchemy")

    assert loaded == set()


def test_a_command_with_a_database_imports_nothing_that_sqlalchemy_has_for_others(
    migrated: str,
) -> None:
    loaded = imported(RUNS, *LISTS, "check", url=migrated, watched=UNUSED)

    assert loaded == {"sqlalchemy"}


def test_a_process_that_stays_has_loaded_all_before_it_works() -> None:
    loaded = imported(RUNS, "worker --help", watched=UNUSED)

    assert loaded == set(UNUSED.split())


def test_a_check_imports_no_slow_module_while_it_finds_nothing_to_explain(migrated: str) -> None:
    database = Database(Settings(database_url=migrated))
    factories.trigger(database, source="custom")
    factories.trigger(database, source="github", idempotency_key_from="provider")

    loaded = imported(RUNS, "check", url=migrated)

    database.dispose()
    assert loaded == set()


def test_a_check_that_loads_alembic_to_explain_a_stash_logs_no_line_of_it(migrated: str) -> None:
    migrate(migrated, to="0031", down=True)

    ended = subprocess.run(
        [sys.executable, "-m", "app", "check"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": migrated},
        capture_output=True,
        text=True,
    )

    assert "a column that a downgrade hid" in ended.stdout
    assert ended.stderr == ""
