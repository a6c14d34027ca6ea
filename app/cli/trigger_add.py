"""`hookonce trigger add`: create a trigger, and print what its sender needs."""

from typing import Any

import click

from app.cli import output, trigger_options, trigger_warnings
from app.cli.context import actor, with_database
from app.db import Database
from app.intake import key, sources
from app.settings import Settings
from app.triggers import manage
from app.triggers.address import webhook_url
from app.triggers.definition import NewTrigger


@click.command("add")
@click.argument("name")
@trigger_options.new_trigger
@output.json_option
@with_database
def add(
    chosen: Settings, database: Database, name: str, secret: str | None, as_json: bool, **given: Any
) -> None:
    """Create a trigger; print its id, secret and webhook URL."""
    columns = trigger_options.columns(given)
    new = NewTrigger(name=name, secret=secret, **columns)
    row = manage.add_trigger(database, new, actor())
    trigger_warnings.warn(row)
    source = sources.named(row.source)
    key_from = key.parts(row.idempotency_key_from)
    created: dict[str, Any] = {
        "id": row.id,
        "secret": database.secret_box.decrypt(row),
        "webhook_url": webhook_url(chosen.hookonce_public_url, row.id),
    }
    if as_json:
        created["idempotency_key_from"] = key_from
    elif key_from:
        created["key_from"] = key.in_words(source, key_from)
    output.record(created, as_json)
