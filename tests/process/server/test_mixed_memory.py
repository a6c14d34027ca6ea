"""Mixed traffic does not make a receiver grow: the short form of `make bench-memory`."""

from pathlib import Path

import pytest

from bench import memory
from tests.support.databases import Databases
from tests.support.thorough import THOROUGH

KEPT_MB = 75
"""MB of a process after 30,000 requests; 55 to 60 are usual."""


@pytest.mark.skipif(not THOROUGH, reason="it sends requests for some minutes")
def test_a_process_stays_small_under_mixed_traffic(tmp_path: Path) -> None:
    databases = Databases(tmp_path)
    try:
        *_, last = memory.measured(databases, "sqlite", requests=30_000, window=10_000)
    finally:
        databases.remove()

    assert last.megabytes < KEPT_MB
