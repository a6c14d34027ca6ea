"""Locate the files that come with the code: revisions, alembic.ini and gunicorn.conf.py.

A checkout has them at its root; a wheel has a copy in the package (deploy/build_backend.py), since
`alembic/` beside an installed `app/` is the library of that name.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
PACKED = _PACKAGE / "packed"
"""Directory of those files in an installed wheel; a checkout does not have it."""
ROOT = PACKED if PACKED.is_dir() else _PACKAGE.parent
"""Directory that contains `alembic/`, alembic.ini and gunicorn.conf.py."""
REVISIONS = ROOT / "alembic"
ALEMBIC_INI = ROOT / "alembic.ini"
GUNICORN_CONF = ROOT / "gunicorn.conf.py"


def migration_command(arguments: str) -> str:
    """Return the command that runs Alembic with these arguments, for a sentence to a person.

    `alembic` finds our revisions at the root of a checkout only, `hookonce migrate` anywhere.
    """
    if ROOT != PACKED and Path.cwd() == ROOT:
        return f"alembic {arguments}"
    return "hookonce migrate" if arguments == "upgrade head" else f"hookonce migrate {arguments}"
