"""Fixtures of the tests that run the service as processes."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import Database
from tests.databases import KINDS
from tests.process.ledger import Ledger
from tests.process.service import Service
from tests.thorough import THOROUGH

HERE = Path(__file__).parent

OF_EITHER = {
    "test_answered_in_turn",
    "test_bodies",
    "test_canaries",
    "test_chaos",
    "test_counts",
    "test_hostile_requests",
    "test_live_migrations",
    "test_metrics",
    "test_people",
    "test_prune",
    "test_samples_end_to_end",
    "test_stalled_senders",
    "test_start_and_stop",
    "test_tutorial",
}
"""Long, or hardly a matter of the database: where not all is tried, each runs on one of the two."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each of those on the one that its name falls to."""
    left_out = [] if THOROUGH else [item for item in items if _falls_to_the_other(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _falls_to_the_other(item: pytest.Item) -> bool:
    kind = item.callspec.params.get("kind") if hasattr(item, "callspec") else None
    if kind not in KINDS or item.path.parent != HERE or item.path.stem not in OF_EITHER:
        return False
    others = {name: value for name, value in item.callspec.params.items() if name != "kind"}
    falls_to = KINDS[zlib.crc32(f"{item.originalname}{others}".encode()) % len(KINDS)]
    return kind != falls_to and _has_both(item)


def _has_both(item: pytest.Item) -> bool:
    """Whether it is not only for this one anyway."""
    marks = [mark for mark in item.iter_markers("parametrize") if "kind" in str(mark.args[0])]
    return not marks


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """Receivers and workers on this test's database; whatever still runs at the end is killed."""
    made = Service(tmp_path, DATABASE_URL=database_url, HOOKONCE_SCRIPTS_DIR=str(tmp_path))
    yield made
    made.remove()


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Ledger:
    """What is in this test's database, and what its scripts have done."""
    return Ledger(database, tmp_path)
