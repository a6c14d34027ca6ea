"""`hookonce trigger add|list|show|send`: create triggers, show them, and send them a webhook."""

import json
import sys
from typing import Any

import click
import sqlalchemy as sa
import urllib3

from app import masking
from app.cli import completion, output, terminal, trigger_options, trigger_warnings
from app.cli.context import WRONG, actor, with_database
from app.db import Database
from app.executions import blocks, listing
from app.intake import key, sources, trigger_cache
from app.intake.signing import signed_headers
from app.settings import Settings
from app.triggers import manage, queries, repeat
from app.triggers.address import webhook_url
from app.triggers.definition import NewTrigger

FIRE_SECONDS = 30.0
"""Seconds to wait for the response: as long as the most patient senders wait."""


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
    key_from = trigger_cache.key_parts(row.idempotency_key_from)
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


@click.command("list")
@terminal.wide_option
@output.json_option
@with_database
def list_triggers(_chosen: Settings, database: Database, as_json: bool) -> None:
    """List all triggers, newest first."""
    with database.reading() as connection:
        found = queries.all_triggers(connection)
        states = blocks.of_triggers(connection, [row.id for row in found])
    rows = [masking.public(row) | {"state": _state(row, states.get(row.id))} for row in found]
    if as_json:
        click.echo(json.dumps(rows))
        return
    shown = ("id", "slug", "source", "action_type", "state", "execution_count")
    output.table(rows, shown)


def _state(row: sa.Row[Any], block: blocks.Block | None) -> str:
    """Return the state of the trigger in a word: the first of them that is not usual."""
    if not row.enabled:
        return "disabled"
    if block is not None and block.pause is not None:
        return "paused"
    return "breaker open" if block is not None and block.breaker is not None else "enabled"


@click.command("show")
@click.argument("trigger", shell_complete=completion.triggers)
@terminal.wide_option
@output.json_option
@with_database
def show(chosen: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """Show a trigger, by id, slug or name, and its newest executions."""
    with database.reading() as connection:
        row = manage.find_trigger(connection, trigger)
        executions = listing.newest_executions(connection, row.id)
        count = listing.exact_count(connection, row.id)
        breaker = queries.breaker_of(connection, row.id) | queries.pause_of(connection, row.id)
    shown = masking.public(row) | {"execution_count": count}
    shown |= {"webhook_url": webhook_url(chosen.hookonce_public_url, row.id)} | breaker
    listed = [masking.public(execution) for execution in executions]
    if as_json:
        click.echo(json.dumps(shown | {"executions": listed}))
        return
    output.record(shown, as_json=False)
    click.echo()
    output.table(
        listed, ("id", "status", "idempotency_key", "attempt_count", "result_summary", "error")
    )


@click.command("send")
@click.argument("trigger", shell_complete=completion.triggers)
@click.option(
    "--data", default='{"hello": "world"}', show_default=True, help="The body of the request."
)
@click.option(
    "--like",
    type=click.IntRange(1, 2**63 - 1),
    metavar="EXECUTION",
    help="Repeat the event of this execution as a test event.",
)
@output.json_option
@with_database
def fire(
    chosen: Settings, database: Database, trigger: str, data: str, like: int | None, as_json: bool
) -> None:
    """Send a signed webhook to the trigger and print the response.

    It is signed as the trigger's source signs. The exit status is 1 unless it was acknowledged.
    With --like no webhook is sent: a copy of that event is stored as a test event, without a key,
    and a worker runs the action.
    """
    if like is not None:
        execution_id = repeat.as_test(database, trigger, like, actor())
        output.record({"status": "started", "execution_id": execution_id}, as_json)
        return
    with database.reading() as connection:
        row = manage.find_trigger(connection, trigger)
    body = data.encode()
    secret = database.secret_box.decrypt(row)
    url = webhook_url(chosen.hookonce_public_url, row.id)
    proof = signed_headers(row.source, secret, body, description=row.verification, url=url)
    headers = {"Content-Type": "application/json"} | proof
    try:
        response = urllib3.request(
            "POST",
            url,
            body=body,
            headers=headers,
            retries=False,
            timeout=FIRE_SECONDS,
        )
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(f"no response: {error}; is `gunicorn` running?") from error
    text = response.data.decode("utf-8", "replace")
    result = {"status": response.status, "body": text}
    output.done(f"{response.status} {text}", result, as_json)
    if not 200 <= response.status < 300:
        sys.exit(WRONG)
