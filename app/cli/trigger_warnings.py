"""Print the warnings about a trigger that was just made or changed."""

from typing import Any

import click
import sqlalchemy as sa

from app.executions import retention
from app.intake import sources
from app.triggers import warnings


def warn(trigger: sa.Row[Any]) -> None:
    """Warn of a key that is forgotten too early, a weak verification, and slips in the filter."""
    source = trigger.source or "custom"
    retry_seconds = sources.named(source).facts.retry_seconds
    early = retention.warning(source, retry_seconds, trigger.keep_rows_seconds)
    for warning in [*filter(None, [early]), *warnings.of(trigger)]:
        click.echo(f"warning: {warning}", err=True)
