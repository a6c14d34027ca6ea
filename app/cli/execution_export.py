"""`hookonce execution export`: print executions with their events, one JSON object on a line."""

import json
from typing import Any

import click

from app import masking
from app.cli.context import with_database
from app.cli.execution_filters import filter_options
from app.db import Database
from app.executions import search
from app.executions.search import ExecutionFilter
from app.settings import Settings
from app.tolerant_json import portable_json


@click.command("export")
@with_database
@filter_options
def export(_settings: Settings, database: Database, filters: ExecutionFilter) -> None:
    """Print executions, events and attempts as NDJSON, newest first.

    Secrets are left out as on the pages. Rows are read in parts, so that any number of executions
    is exported with little memory; those that arrive meanwhile are not among them.
    """
    for row, attempts in search.each(database, filters):
        click.echo(json.dumps(_exported(row) | {"attempts": attempts}))


def _exported(row: Any) -> dict[str, Any]:
    shown = masking.public(row)
    return shown | {"event_data": portable_json(shown["event_data"])}
