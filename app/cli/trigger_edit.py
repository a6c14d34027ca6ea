"""`hookonce trigger edit|test`: change a trigger's fields, and try out its action."""

from typing import Any

import click

from app import masking
from app.cli import completion, output, trigger_options, trigger_warnings
from app.cli.context import actor, with_database
from app.db import Database
from app.errors import InvalidRequest
from app.settings import Settings
from app.tolerant_json import json_object
from app.triggers import manage


@click.command("edit")
@click.argument("trigger", shell_complete=completion.triggers)
@trigger_options.trigger_changes
@output.json_option
@with_database
def edit(
    _chosen: Settings,
    database: Database,
    trigger: str,
    unset: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Change the named fields of a trigger and keep all others."""
    changes = trigger_options.columns(given)
    cleared = {trigger_options.UNSET[name]: None for name in unset}
    if cleared.keys() & changes.keys():
        raise click.UsageError("the same field cannot be set and unset")
    changes |= cleared
    if not changes:
        raise click.UsageError("name at least one field to change")
    row = manage.update_trigger(database, trigger, changes, actor())
    trigger_warnings.warn(row)
    output.record(masking.public(row), as_json)


@click.command("test")
@click.argument("trigger", shell_complete=completion.triggers)
@click.option("--data", default="{}", show_default=True, help="The data of the test event.")
@output.json_option
@with_database
def test(_chosen: Settings, database: Database, trigger: str, data: str, as_json: bool) -> None:
    """Run the trigger's action with a test event.

    `trigger send` sends a webhook instead.
    """
    execution_id = manage.try_trigger(database, trigger, _object(data), actor())
    output.record({"status": "started", "execution_id": execution_id}, as_json)


def _object(text: str) -> dict[str, Any]:
    data = json_object(text)
    if data is None:
        raise InvalidRequest('the data must be a JSON object such as {"id": 1}')
    return data
