"""Sentences on what a person should know of a trigger that is valid all the same."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from app.intake import sources, verification
from app.triggers import filter_warnings


def of(trigger: sa.Row[Any]) -> list[str]:
    """Return the warnings about the trigger's verification and its event filter."""
    source = trigger.source or "custom"
    return [*_of_verification(source, trigger), *filter_warnings.of(source, trigger.event_filter)]


def _of_verification(source: str, trigger: sa.Row[Any]) -> Iterator[str]:
    yield from verification.warnings(trigger.verification)
    preset = sources.named(source).verifier
    if preset is not None:
        yield from preset.warnings
