"""The revisions found on disk: what the tests of this folder are parametrised over."""

import os
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from tests.support.databases import ROOT, alembic_config

SCRIPTS = ScriptDirectory.from_config(alembic_config())


def revisions() -> list[Script]:
    """Oldest first."""
    return list(reversed(list(SCRIPTS.walk_revisions())))


NAMES = [script.revision for script in revisions()]


def before(revision: str) -> str:
    """Where a downgrade of `revision` arrives."""
    return NAMES[NAMES.index(revision) - 1] if revision != NAMES[0] else "base"


def with_one_more(directory: Path, upgrade: str) -> Config:
    """The project's configuration as if the history had one more revision, which does `upgrade`."""
    (directory / "9999_extra.py").write_text(
        "from alembic import op\n"
        "import sqlalchemy as sa\n"
        f"revision, down_revision = '9999', {NAMES[-1]!r}\n"
        f"def upgrade():\n    {upgrade}\n"
    )
    config = alembic_config()
    places = os.pathsep.join([str(ROOT / "alembic" / "versions"), str(directory)])
    config.set_main_option("version_locations", places)
    return config
