"""A receiver that starts logs the triggers that accept events without any proof."""

import json
import logging
from typing import Any

import pytest

from app.db import Database
from app.errors import DatabaseUnavailable
from app.triggers import unverified
from tests.support import factories

NONE = json.dumps({"method": "none", "allow": ["192.0.2.0/24"]})
TOKEN = json.dumps({"method": "token", "header": "X-Token"})


def logged(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [each for each in caplog.records if each.getMessage() == "nothing_verified"]


def test_only_enabled_webhooks_that_verify_nothing_are_named(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hookonce")
    open_one = factories.trigger(database, slug="open", verification=NONE)
    factories.trigger(database, verification=TOKEN)
    factories.trigger(database)
    factories.trigger(database, verification=NONE, enabled=False)
    factories.trigger(database, verification=NONE, type="event")

    unverified.log_all_unverified(database)

    (record,) = logged(caplog)
    assert record.fields == {"trigger_id": open_one, "trigger": "open"}


def test_a_database_that_is_away_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    factories.trigger(database, verification=NONE)
    reading, pauses = database.reading, list[float]()

    def away() -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(database, "reading", away)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        monkeypatch.setattr(database, "reading", reading)

    unverified.log_all_unverified(database, pause)

    assert pauses == [unverified.RETRY_SECONDS]
    assert len(logged(caplog)) == 1
