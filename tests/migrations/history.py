"""The revisions found on disk: what the tests of this folder are parametrised over."""

from alembic.script import Script, ScriptDirectory

from tests.databases import alembic_config

SCRIPTS = ScriptDirectory.from_config(alembic_config())


def revisions() -> list[Script]:
    """Oldest first."""
    return list(reversed(list(SCRIPTS.walk_revisions())))


NAMES = [script.revision for script in revisions()]


def before(revision: str) -> str:
    """Where a downgrade of `revision` arrives."""
    return NAMES[NAMES.index(revision) - 1] if revision != NAMES[0] else "base"
