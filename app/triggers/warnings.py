"""Sentences on what a person should know of a trigger that is valid all the same."""

import logging
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from app import log
from app.intake import sources, verification
from app.triggers import filter_warnings

logger = logging.getLogger("hookonce.triggers")


def of(trigger: sa.Row[Any]) -> list[str]:
    """Return the warnings about the trigger's verification and its event filter."""
    source = trigger.source or "custom"
    return [*_of_verification(source, trigger), *filter_warnings.of(source, trigger.event_filter)]


def unverified(description: str | None) -> bool:
    """Return whether this description accepts requests without any proof."""
    return any(
        each.startswith("NOTHING IS VERIFIED") for each in verification.warnings(description)
    )


def log_unverified(before: str | None, row: sa.Row[Any]) -> None:
    """Log that a change lets the trigger accept events without any proof."""
    if row.verification != before and unverified(row.verification):
        log.event(logger, logging.WARNING, "nothing_verified", trigger_id=row.id, trigger=row.slug)


def _of_verification(source: str, trigger: sa.Row[Any]) -> Iterator[str]:
    yield from verification.warnings(trigger.verification)
    preset = sources.named(source).verifier
    if preset is not None:
        yield from preset.warnings
