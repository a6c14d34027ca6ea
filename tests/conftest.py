"""Fixtures that every kind of test shares; each test of the database runs on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import Database
from app.settings import Settings, from_environment
from tests.databases import KINDS, Databases
from tests.sink import LOOPBACK


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    made = Databases(tmp_path_factory.mktemp("databases"))
    yield made
    made.remove()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(databases: Databases, kind: str) -> Iterator[str]:
    """A database of this test alone, at head."""
    with databases.at_head(kind) as url:
        yield url


@pytest.fixture
def empty_url(databases: Databases, kind: str) -> Iterator[str]:
    """A database of this test alone, with nothing in it."""
    with databases.empty(kind) as url:
        yield url


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
    yield opened
    opened.dispose()
