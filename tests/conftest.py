"""Fixtures that all tests share; a test that uses a database can run on either of the two."""

import gc
import logging
import random
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from app.db import Database
from app.settings import Settings, from_environment
from tests.support import citus_rules, memory_backed
from tests.support.databases import DISTRIBUTED, KINDS, PARTITIONED, Databases, SpreadKind
from tests.support.scheduling import Distribution
from tests.support.sink import LOOPBACK
from tests.support.thorough import (
    EVERY_KILL,
    NOT_SPREAD,
    ON_BOTH,
    ON_BOTH_IF_THOROUGH,
    SPREAD,
    THOROUGH,
)

TESTS = Path(__file__).parent
TWO_SECONDS = (
    "app.intake.journal.writer.LAST_SECONDS",
    "app.stats.counter_writer.LAST_SECONDS",
    "app.web.health.CHECK_SECONDS",
    "app.worker.heartbeat.WRITE_SECONDS",
)
"""Limits after which the database counts as away; no test in one process measures one of them."""
# a busy machine takes longer than the 200 ms that an example may take otherwise
hypothesis_settings.register_profile("any machine", deadline=None)
hypothesis_settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run tests outside ON_BOTH on one of the two databases, unless TESTS_EVERY_KILL is set."""
    left_out = {item for item in items if _falls_to_the_other(item) or _is_not_spread(item)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Distribution:
    return Distribution(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str) -> None:
    """End the run with a status of its own: other tests of the dead process never ran."""
    pytest.exit(f"the process of {crashitem} died", returncode=pytest.ExitCode.INTERNAL_ERROR)


def pytest_collection_finish() -> None:
    """Spare the garbage collector the thousands of tests, which live until the end."""
    gc.collect()
    gc.freeze()


def pytest_configure() -> None:
    """Let the programs that tests start take SIGINT, which a shell's background jobs ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    memory_backed.use()


def _falls_to_the_other(item: pytest.Item) -> bool:
    kind = item.callspec.params.get("kind") if hasattr(item, "callspec") else None
    if EVERY_KILL or kind not in KINDS or _always_on_both(item):
        return False
    others = item.name.replace(kind, "")  # the ids alone: a value's text may differ by process
    falls_to = KINDS[zlib.crc32(others.encode()) % len(KINDS)]
    return kind != falls_to and _has_both(item)


def _is_not_spread(item: pytest.Item) -> bool:
    """Return True for a test on spread executions, unless all tests run and it is in SPREAD."""
    kind = item.callspec.params.get("kind") if hasattr(item, "callspec") else None
    path = str(item.path.relative_to(TESTS).with_suffix(""))
    is_listed = path in SPREAD and not item.name.startswith(NOT_SPREAD)
    return isinstance(kind, SpreadKind) and not (THOROUGH and is_listed)


def _always_on_both(item: pytest.Item) -> bool:
    path = item.path.relative_to(TESTS).with_suffix("")
    names = (*ON_BOTH, *ON_BOTH_IF_THOROUGH) if THOROUGH else ON_BOTH
    return any(path.is_relative_to(name) for name in names)


def _has_both(item: pytest.Item) -> bool:
    """Return True if the test runs on both databases, not only on one by its own parameters."""
    marks = [mark for mark in item.iter_markers("parametrize") if "kind" in str(mark.args[0])]
    return not marks


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Restore the level of the log, which a command sets in this process."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.fixture(autouse=True)
def whole_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the workers of this process wait the whole backoff: a short one is over in no time."""
    monkeypatch.setattr(random.SystemRandom, "random", lambda _: 1.0)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    made = Databases(tmp_path_factory.mktemp("databases"))
    yield made
    made.remove()


@pytest.fixture(
    params=[
        *KINDS,
        pytest.param(PARTITIONED, id="postgresql-partitioned"),
        pytest.param(DISTRIBUTED, id="postgresql-distributed"),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of database; the spread ones are for the modules of SPREAD."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def database_url(databases: Databases, kind: str) -> Iterator[str]:
    """Yield the URL of a database of this test alone, at head."""
    with databases.at_head(kind) as url:
        yield url


@pytest.fixture
def empty_url(databases: Databases, kind: str) -> Iterator[str]:
    """Yield the URL of an empty database of this test alone."""
    with databases.empty(kind) as url:
        yield url


@pytest.fixture(autouse=True)
def longer_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no pause of a busy machine count as a database that is away."""
    for name in TWO_SECONDS:
        monkeypatch.setattr(name, 60.0)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    chosen = {
        "DATABASE_URL": database_url,
        "HOOKONCE_SCRIPTS_DIR": str(tmp_path),
        "HOOKONCE_EGRESS_ALLOW": LOOPBACK,
    }
    return from_environment(chosen)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings)
    with citus_rules.watched(opened.engine) as refused:
        yield opened
    opened.dispose()
    assert refused == []
