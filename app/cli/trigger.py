"""`hookonce trigger`: make webhook URLs, look at them, try them out."""

import json
import sys

import click
import urllib3

from app import masking
from app.cli import output, retention_options
from app.cli.context import WRONG, actor, with_database
from app.db import Database
from app.executions import listing
from app.intake import key, sources
from app.intake.signing import signed_headers
from app.settings import Settings
from app.triggers import definition, manage, queries
from app.triggers.address import webhook_url

FIRE_SECONDS = 30.0
"""As long as the most patient senders wait for an answer."""


@click.group("trigger")
def group() -> None:
    """Webhook URLs and what they set off."""


@group.command("add")
@click.argument("name")
@click.option("--source", default="custom", show_default=True, help="Who sends.")
@click.option("--action", default="script", show_default=True, help="See `action list`.")
@click.option("--payload", required=True, help="What the action runs or calls; docs/actions.md.")
@click.option("--filter", "event_filter", default="{}", help='Such as {"action": "opened"}.')
@click.option("--secret", help="What the sender signs with; one is made up if not given.")
@click.option("--key-from", multiple=True, help="provider, hash, header:X, body:a.b or none.")
@click.option("--missing-key", type=click.Choice(["accept", "refuse"]), default="accept")
@click.option("--tolerance", type=click.FloatRange(0), help="Seconds a signature stays good.")
@click.option("--retry", "retry_policy", help='Such as {"max_attempts": 3}; docs/operations.md.')
@click.option("--max-concurrency", type=int, help="How many run at once; 1 also keeps the order.")
@click.option("--agent", help="Whom `skill` and `prompt` hand the event to.")
@click.option("--type", "kind", default="webhook", type=click.Choice(definition.TYPES))
@click.option("--disabled", is_flag=True, help="It refuses its senders until it is enabled.")
@retention_options.options
@output.json_option
@with_database
def add(
    chosen: Settings,
    database: Database,
    name: str,
    source: str,
    action: str,
    payload: str,
    event_filter: str,
    secret: str | None,
    key_from: tuple[str, ...],
    missing_key: str,
    tolerance: float | None,
    retry_policy: str | None,
    max_concurrency: int | None,
    agent: str | None,
    kind: str,
    disabled: bool,
    keep_payload: float | None,
    keep_rows: float | None,
    as_json: bool,
) -> None:
    """Make a trigger; print its id, secret and webhook URL.

    The idempotency key is the first of idempotency_key, messageId and data.messageId; --key-from
    chooses other places, and given several times makes one key of their values.
    """
    key.require_valid(key_from)
    described = manage.NewTrigger(
        name,
        source,
        action,
        payload,
        event_filter,
        secret,
        key_from,
        missing_key,
        tolerance,
        retry_policy,
        max_concurrency,
        retention_options.stored(keep_payload),
        retention_options.stored(keep_rows),
        kind,
        agent,
        not disabled,
    )
    row = manage.add_trigger(database, described, sources.names(), actor())
    retention_options.warn(row)
    made = {
        "id": row.id,
        "secret": database.secret_box.decrypt(row),
        "webhook_url": webhook_url(chosen.hookonce_public_url, row.id),
    }
    output.record(made, as_json)


@group.command("list")
@output.json_option
@with_database
def list_triggers(_chosen: Settings, database: Database, as_json: bool) -> None:
    """Every trigger, newest first."""
    with database.reading() as connection:
        rows = [masking.public(row) for row in queries.all_triggers(connection)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    shown = ("id", "slug", "source", "action_type", "enabled", "execution_count")
    output.table(rows, shown)


@group.command("show")
@click.argument("trigger")
@output.json_option
@with_database
def show(chosen: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """One trigger, by id, slug or name, and its newest executions."""
    with database.reading() as connection:
        row = manage.find_trigger(connection, trigger)
        executions = listing.newest_executions(connection, row.id)
        count = listing.exact_count(connection, row.id)
        breaker = queries.breaker_of(connection, row.id)
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


@group.command("fire")
@click.argument("trigger")
@click.option("--data", default='{"hello": "world"}', show_default=True, help="The body.")
@output.json_option
@with_database
def fire(chosen: Settings, database: Database, trigger: str, data: str, as_json: bool) -> None:
    """Send a webhook to the trigger, signed as its source signs, and print the answer.

    The exit status is 1 unless it was acknowledged.
    """
    with database.reading() as connection:
        row = manage.find_trigger(connection, trigger)
    body = data.encode()
    secret = database.secret_box.decrypt(row)
    headers = {"Content-Type": "application/json"} | signed_headers(row.source, secret, body)
    try:
        answer = urllib3.request(
            "POST",
            webhook_url(chosen.hookonce_public_url, row.id),
            body=body,
            headers=headers,
            retries=False,
            timeout=FIRE_SECONDS,
        )
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(f"nobody answers: {error}; is `gunicorn` running?") from error
    said = answer.data.decode("utf-8", "replace")
    output.done(f"{answer.status} {said}", {"status": answer.status, "body": said}, as_json)
    if not 200 <= answer.status < 300:
        sys.exit(WRONG)
