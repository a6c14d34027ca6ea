"""`alembic revision --autogenerate` drafts with our operations, and the draft works as it is."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from app.db import migration_drafts
from tests.support.databases import ROOT, alembic_config
from tests.support.revisions import NAMES, before
from tests.support.schema_dump import data, execute, schema

NUMBER = f"{int(NAMES[-1]) + 1:04}"
TABLE, INDEX, PARTIAL = (
    "hookonce_workers",
    "ix_hookonce_audit_subject",
    "ix_trigger_executions_leased",
)
OLDER_DATABASE = (
    f"DROP TABLE {TABLE}",
    f"DROP INDEX {INDEX}",
    f"DROP INDEX {PARTIAL}",
    "ALTER TABLE triggers DROP COLUMN agent",
    "ALTER TABLE triggers DROP COLUMN max_concurrency",
    "ALTER TABLE triggers DROP COLUMN from_yaml",
)
"""Statements after which the models look as if they had just been extended by all of this."""
OPERATIONS = (
    f'op.create_or_restore_table(\n        revision,\n        "{TABLE}",',
    'op.add_or_restore_columns(\n        revision,\n        "triggers",',
    f'op.ensure_index("{INDEX}", "hookonce_audit", ["subject", "id"])',
    f'op.remove_index("{INDEX}", "hookonce_audit")',
    'sa.Column("from_yaml", sa.Boolean(), server_default=sa.false(), nullable=False)',
    'op.stash_columns(revision, "triggers", ["max_concurrency", "from_yaml", "agent"])',
    f'op.stash_table(revision, "{TABLE}")',
)


@pytest.fixture
def drafting(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return the configuration by which drafts are written into a directory of the test."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    config = alembic_config()
    config.set_main_option("version_locations", f"{ROOT / 'alembic' / 'versions'}:{tmp_path}")
    return config


def drafted(config: Config, directory: Path) -> Path | None:
    command.revision(config, "Let a draft be written", autogenerate=True, version_path=directory)
    return next(directory.glob("*.py"), None)


def test_a_draft_has_our_operations_passes_ruff_and_loses_nothing(
    drafting: Config, tmp_path: Path, database_url: str
) -> None:
    wanted = schema(database_url)
    execute(database_url, *OLDER_DATABASE)

    path = drafted(drafting, tmp_path)

    assert path is not None
    assert path.name == f"{NUMBER}_let_a_draft_be_written.py"
    text = path.read_text()
    for operation in OPERATIONS:
        assert operation in text
    assert f'"{PARTIAL}"' in text
    assert "where=" in text
    for check in (["check"], ["format", "--check"]):
        ran = [sys.executable, "-m", "ruff", *check, "--config", ROOT / "pyproject.toml", path]
        assert subprocess.run(ran, capture_output=True).returncode == 0

    command.upgrade(drafting, "head")
    assert columns(schema(database_url)) == columns(wanted)
    names, values = "name, slug, action_type, agent", "'a', 'a', 'noop', 'ada'"
    execute(database_url, f"INSERT INTO triggers ({names}) VALUES ({values})")
    rows = data(database_url)
    command.downgrade(drafting, NAMES[-1])
    command.upgrade(drafting, "head")
    assert data(database_url) == rows


def columns(tables: dict[str, dict[str, object]]) -> dict[str, object]:
    """Return the names of the columns and indexes of each table; their order may differ."""
    return {
        name: (sorted(map(str, each["columns"])), each["indexes"]) for name, each in tables.items()
    }


def test_without_a_difference_no_draft_is_written(
    drafting: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drafted(drafting, tmp_path) is None

    assert migration_drafts.NOTHING in " ".join(capsys.readouterr().out.split())
    command.check(drafting)


def test_a_frame_without_autogenerate_is_left_to_its_author(
    drafting: Config, tmp_path: Path
) -> None:
    command.revision(drafting, "Let it be", rev_id=NUMBER, version_path=str(tmp_path))

    text = (tmp_path / f"{NUMBER}_let_it_be.py").read_text()
    assert "import sqlalchemy as sa\n" in text
    assert "raise NotImplementedError" in text
    assert before(NAMES[-1]) not in text.partition("Revises: ")[2]
