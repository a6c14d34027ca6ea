"""Fixtures: the application, called without a server, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from falcon import testing

from app import auth
from app.db import Database
from app.settings import Settings, from_environment
from app.web.application import create_app
from tests.support.api import Api
from tests.support.databases import KINDS, Databases
from tests.support.in_process_receiver import Receiver


@pytest.fixture
def client(settings: Settings, database: Database) -> testing.TestClient:
    return testing.TestClient(create_app(settings, database))


@pytest.fixture
def api(client: testing.TestClient, database: Database) -> Api:
    return Api(client, database)


@pytest.fixture
def viewer(api: Api) -> str:
    return api.token(auth.VIEWER)


@pytest.fixture
def operator(api: Api) -> str:
    return api.token(auth.OPERATOR)


@pytest.fixture
def admin(api: Api) -> str:
    return api.token(auth.ADMIN)


@pytest.fixture(scope="module", params=KINDS)
def receiver(databases: Databases, request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """Return one application per database, shared by many requests that use separate triggers."""
    with _receiving(databases, str(request.param)) as made:
        yield made


@pytest.fixture(scope="module")
def both(databases: Databases) -> Iterator[list[Receiver]]:
    """Return an application on each kind of database."""
    with _receiving(databases, "sqlite") as one, _receiving(databases, "postgresql") as other:
        yield [one, other]


@contextmanager
def _receiving(databases: Databases, kind: str) -> Iterator[Receiver]:
    with databases.at_head(kind) as url:
        settings = from_environment({"DATABASE_URL": url})
        database = Database(settings)
        yield Receiver(testing.TestClient(create_app(settings, database)), database)
        database.dispose()
