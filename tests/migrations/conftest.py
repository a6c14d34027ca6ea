"""Let small tables count as large, so that each step on SQLite copies its tables beside writers."""

from collections.abc import Iterator

import pytest

from app.db.migration_ops import gentle, preparation
from tests.support.databases import Databases
from tests.support.thorough import COPY_EVERY_TABLE


@pytest.fixture
def every_table_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy every table of SQLite, without pauses between the transactions."""
    monkeypatch.setattr(preparation, "LARGE_ROWS", 0)
    monkeypatch.setattr(gentle, "PAUSE_FACTOR", 0)


@pytest.fixture(autouse=True)
def _small_is_large(request: pytest.FixtureRequest) -> None:
    if COPY_EVERY_TABLE:
        request.getfixturevalue("every_table_is_large")


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    """Yield the URL of a new SQLite file: PostgreSQL needs no copies."""
    with databases.empty("sqlite") as made:
        yield made
