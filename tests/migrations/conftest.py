"""Let small tables count as large, so that each step on SQLite copies its tables beside writers."""

import pytest

from app.db.migration_ops import gentle, preparation
from tests.support.thorough import COPY_EVERY_TABLE


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    if COPY_EVERY_TABLE:
        monkeypatch.setattr(preparation, "LARGE_ROWS", 0)
        monkeypatch.setattr(gentle, "PAUSE_FACTOR", 0)
