"""`hookonce trigger edit|test`: say anew what a trigger is, and try what it sets off."""

from typing import Any

import click

from app import masking
from app.cli import output, retention_options
from app.cli.context import actor, with_database
from app.db import Database
from app.errors import InvalidRequest
from app.intake import key, sources
from app.masking import restored
from app.settings import Settings
from app.tolerant_json import json_object
from app.triggers import definition, manage

UNSET = {
    "agent": "agent",
    "key-from": "idempotency_key_from",
    "missing-key": "missing_key",
    "tolerance": "tolerance_seconds",
    "retry-policy": "retry_policy",
    "max-concurrency": "max_concurrency",
}
"""What can go back to being unsaid, and its column."""


@click.command("edit")
@click.argument("trigger")
@click.option("--name", help="Its new name; its address stays.")
@click.option("--source", help="Who sends; see `source list`.")
@click.option("--type", type=click.Choice(definition.TYPES), help="An event has no senders.")
@click.option("--action", "action_type", help="See `action list`.")
@click.option("--payload", "action_payload", help="What the action runs or calls.")
@click.option("--filter", "event_filter", help='Such as {"action": "opened"}; {}: every event.')
@click.option("--agent", help="For `skill` and `prompt`.")
@click.option("--key-from", multiple=True, help="provider, hash, header:X, body:a.b or none.")
@click.option("--missing-key", type=click.Choice(definition.MISSING_KEY))
@click.option("--tolerance", "tolerance_seconds", type=click.FloatRange(0), help="Seconds.")
@click.option("--retry-policy", help='Such as {"max_attempts": 3}.')
@click.option("--max-concurrency", type=click.IntRange(1, definition.MOST_CONCURRENT))
@retention_options.options
@click.option("--unset", multiple=True, type=click.Choice(list(UNSET)), help="As by default.")
@output.json_option
@with_database
def edit(
    _chosen: Settings,
    database: Database,
    trigger: str,
    key_from: tuple[str, ...],
    keep_payload: float | None,
    keep_rows: float | None,
    unset: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Change what is named; what is left out stays as it is."""
    changes = {name: value for name, value in given.items() if value is not None}
    changes |= retention_options.given(keep_payload, keep_rows)
    if key_from:
        key.require_valid(key_from)
        changes["idempotency_key_from"] = definition.key_text(key_from)
    cleared = dict.fromkeys(UNSET[name] for name in unset)
    if cleared.keys() & changes.keys():
        raise click.UsageError("the same thing cannot be set and unset")
    changes |= cleared
    if not changes:
        raise click.UsageError("say what is to be changed")
    if "action_payload" in changes:
        with database.reading() as connection:
            before = manage.find_trigger(connection, trigger)
        changes["action_payload"] = restored(changes["action_payload"], before.action_payload)
    row = manage.update_trigger(database, trigger, changes, sources.names(), actor())
    retention_options.warn(row)
    output.record(masking.public(row), as_json)


@click.command("test")
@click.argument("trigger")
@click.option("--data", default="{}", show_default=True, help="What the made-up event carries.")
@output.json_option
@with_database
def test(_chosen: Settings, database: Database, trigger: str, data: str, as_json: bool) -> None:
    """Run the trigger's action with a made-up event; `trigger fire` sends a webhook instead."""
    execution_id = manage.try_trigger(database, trigger, _object(data), actor())
    output.record({"status": "started", "execution_id": execution_id}, as_json)


def _object(text: str) -> dict[str, Any]:
    data = json_object(text)
    if data is None:
        raise InvalidRequest('the data must be a JSON object such as {"id": 1}')
    return data


COMMANDS = (edit, test)
"""What belongs to the group `trigger`."""
