"""A process imports only what it needs: imports take most of a short command's time, and memory."""

import os
import subprocess
import sys

from tests.support.databases import ROOT

SERVES_AND_TELLS = (
    "import sys, app.cli, app.wsgi; app.wsgi.application().schema.current()\n"
    "print(*(each for each in ('psycopg', 'alembic') if each in sys.modules))"
)


def test_a_receiver_loads_postgresqls_driver_for_postgresql_alone_and_never_alembic(
    database_url: str,
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SERVES_AND_TELLS],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
    )

    loaded = "psycopg" if "postgresql" in database_url else ""
    assert ended.stdout == f"{loaded}\n", ended.stderr
