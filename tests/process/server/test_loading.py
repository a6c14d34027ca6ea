"""A process imports only what its database needs: imports take most of a short command's time."""

import os
import subprocess
import sys

from tests.support.databases import ROOT

SERVES_AND_TELLS = (
    "import sys, app.cli, app.wsgi; app.wsgi.application(); print('psycopg' in sys.modules)"
)


def test_postgresqls_driver_is_loaded_for_postgresql_alone(database_url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SERVES_AND_TELLS],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
    )

    assert ended.stdout == f"{'postgresql' in database_url}\n", ended.stderr
