"""Print the warnings about a trigger that was just made or changed."""

from typing import Any

import click
import sqlalchemy as sa

from app.executions import retention
from app.intake import sources
from app.triggers import filter_warnings


def warn(trigger: sa.Row[Any]) -> None:
    """Warn if the trigger forgets a key before its sender stops retrying, or filters by a slip."""
    source = trigger.source or "custom"
    retry_seconds = sources.named(source).facts.retry_seconds
    early = retention.warning(source, retry_seconds, trigger.keep_rows_seconds)
    for warning in [*filter(None, [early]), *filter_warnings.of(source, trigger.event_filter)]:
        click.echo(f"warning: {warning}", err=True)
