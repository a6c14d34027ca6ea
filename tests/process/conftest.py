"""Fixtures of the tests that run the service as processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import Database
from tests.support.ledger import Ledger
from tests.support.service import Service

COOPERATIVE = "cooperative"


@pytest.fixture
def worker_class() -> str:
    """The worker class of gunicorn: our own, unless a directory or module says otherwise."""
    return COOPERATIVE


@pytest.fixture
def service(database_url: str, tmp_path: Path, worker_class: str) -> Iterator[Service]:
    """Yield the service on this test's database; kill what still runs at the end."""
    own = {} if worker_class == COOPERATIVE else {"GUNICORN_CMD_ARGS": f"-k {worker_class}"}
    made = Service(tmp_path, DATABASE_URL=database_url, HOOKONCE_SCRIPTS_DIR=str(tmp_path), **own)
    yield made
    made.remove()


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Ledger:
    """Return the rows of this test's database and the runs of its scripts."""
    return Ledger(database, tmp_path)
