"""The revisions in alembic/versions, over which the migration tests are parametrised."""

import os
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from tests.support.databases import ROOT, alembic_config

SCRIPTS = ScriptDirectory.from_config(alembic_config())


def revisions() -> list[Script]:
    """Return all revisions, oldest first."""
    return list(reversed(list(SCRIPTS.walk_revisions())))


NAMES = [script.revision for script in revisions()]


def before(revision: str) -> str:
    """Return the revision that a downgrade of `revision` leads to."""
    return NAMES[NAMES.index(revision) - 1] if revision != NAMES[0] else "base"


def with_one_more(directory: Path, upgrade: str, downgrade: str = "pass") -> Config:
    """Return the configuration with one more revision after head, which runs `upgrade`."""
    (directory / "9999_extra.py").write_text(
        "from alembic import op\n"
        "import sqlalchemy as sa\n"
        f"revision, down_revision = '9999', {NAMES[-1]!r}\n"
        f"def upgrade():\n    {upgrade}\n"
        f"def downgrade():\n    {downgrade}\n"
    )
    config = alembic_config()
    places = os.pathsep.join([str(ROOT / "alembic" / "versions"), str(directory)])
    config.set_main_option("version_locations", places)
    return config
