"""Fixtures for tests that need a database, a script or a receiver, but no second process."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.db import Database
from app.db.schema import SchemaWatch
from app.intake.receive import Intake
from app.intake.trigger_cache import TriggerCache
from app.settings import Settings
from tests.support.samples import NOW
from tests.support.sink import Sink, listening

WriteScript = Callable[..., str]


@pytest.fixture
def intake(database: Database) -> Intake:
    """An intake that has looked at nothing yet, at the moment when the samples were signed."""
    return Intake(database, TriggerCache(database), SchemaWatch(database), now=lambda: NOW)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


@pytest.fixture
def write_script(settings: Settings) -> WriteScript:
    """Writes a shell script into the scripts directory; its name."""

    def write(text: str, name: str = "the-script") -> str:
        path = Path(settings.hookonce_scripts_dir) / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o700)
        return name

    return write


@pytest.fixture
def longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jitter that never lets a retry come due within the test."""
    monkeypatch.setattr(random.SystemRandom, "random", lambda _self: 1.0)
