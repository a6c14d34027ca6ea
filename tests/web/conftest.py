"""The application, called without a server, on both databases."""

import pytest
from falcon import testing

from app.db import Database
from app.settings import Settings
from app.web.application import create_app


@pytest.fixture
def client(settings: Settings, database: Database) -> testing.TestClient:
    return testing.TestClient(create_app(settings, database))
