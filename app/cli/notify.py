"""`hookonce notify`: manage the channels by which people are notified, and test them."""

import json
import secrets
import sys
from typing import Any

import click
import sqlalchemy as sa

from app import clock
from app.cli import completion, output, terminal
from app.cli.context import WRONG, actor, with_database
from app.db import Database
from app.errors import SecretSealed
from app.notifications import channels, outbox, states
from app.notifications.channels import CHANNEL_KINDS, NewChannel
from app.notifications.conditions import ALL_TRIGGERS, KINDS, TEST, sentence
from app.notifications.message import Letter
from app.notifications.states import BEGAN, Message
from app.settings import Settings
from app.triggers import lookup

_COLUMNS = (
    *("id", "name", "kind", "address", "trigger", "conditions", "waiting"),
    *("last_sent_at", "last_error"),
)


@click.group("notify")
def group() -> None:
    """Manage and test the channels of notifications."""


@group.command("add")
@click.argument("name")
@click.argument("address")
@click.option(
    "--kind",
    type=click.Choice(CHANNEL_KINDS),
    help="A signed webhook, a webhook of Slack or Mattermost, or mail; by default by the address.",
)
@click.option(
    "--trigger",
    shell_complete=completion.triggers,
    help="Only conditions of this trigger (id, slug or name).",
)
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    type=click.Choice(tuple(KINDS)),
    help="Only conditions of this kind; may be given several times.",
)
@output.json_option
@with_database
def add(
    _settings: Settings,
    database: Database,
    *,
    name: str,
    address: str,
    kind: str | None,
    trigger: str | None,
    conditions: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add a channel: a web address, or mail addresses.

    Mail addresses are separated by commas.

    The secret that signs the webhooks of a channel is printed once.
    """
    trigger_id = None
    if trigger is not None:
        with database.reading() as connection:
            trigger_id = lookup.find_trigger(connection, trigger).id
    wanted = NewChannel(name, kind or _kind_of(address), address, trigger_id, conditions)
    row, secret = channels.add(database, wanted, actor())
    shown = channels.public(row, address) | ({"secret": secret} if secret else {})
    if as_json:
        click.echo(json.dumps(shown))
        return
    output.record({name: shown[name] for name in _ADDED if name in shown}, as_json=False)


_ADDED = ("id", "name", "kind", "address", "trigger_id", "secret")


@group.command("list")
@terminal.wide_option
@output.json_option
@with_database
def list_channels(_settings: Settings, database: Database, as_json: bool) -> None:
    """List the channels, their outcomes and what lasts."""
    with database.reading() as connection:
        rows = [_shown(row, database) for row in channels.every(connection)]
        lasting = [_condition(row) for row in states.lasting(connection)]
    if as_json:
        click.echo(json.dumps({"channels": rows, "conditions": lasting}))
        return
    output.table([each | {"conditions": " ".join(each["conditions"])} for each in rows], _COLUMNS)
    if lasting:
        click.echo("\nconditions that last")
        output.table(lasting, ("condition", "trigger_id", "since", "notified_at"))


@group.command("remove")
@click.argument("channel", metavar="NAME_OR_ID", shell_complete=completion.channels)
@output.json_option
@with_database
def remove(_settings: Settings, database: Database, channel: str, as_json: bool) -> None:
    """Remove a channel and its waiting messages."""
    row = channels.remove(database, channel, actor())
    shown = channels.public(row, channels.shown_address(row, database.secret_box))
    output.done(f"Channel {row.id} ({row.name}) removed.", shown, as_json)


@group.command("test")
@click.argument(
    "channel", metavar="[NAME_OR_ID]", required=False, shell_complete=completion.channels
)
@terminal.wide_option
@output.json_option
@with_database
def test(settings: Settings, database: Database, channel: str | None, as_json: bool) -> None:
    """Send a test message by one channel or all.

    It is sent at once and not by a worker. Exit status 1: a message was not taken.
    """
    with database.reading() as connection:
        if channel is None:
            rows: list[sa.Row[Any]] = channels.every(connection)
        else:
            rows = [channels.find(connection, channel)]
    results = [_tested(settings, database, row) for row in rows]
    if as_json:
        click.echo(json.dumps(results))
    elif results:
        output.table(results, ("channel", "outcome"))
    else:
        click.echo("There is no channel: `hookonce notify add NAME ADDRESS` adds one.", err=True)
    sys.exit(WRONG if not results or any(each["error"] for each in results) else 0)


def _tested(settings: Settings, database: Database, row: sa.Row[Any]) -> dict[str, Any]:
    news = Message(TEST, ALL_TRIGGERS, BEGAN, {"since": clock.text(clock.now())})
    letter_id = f"ntf_{secrets.token_hex(12)}"
    letter = Letter(letter_id, [news], clock.now(), settings.hookonce_public_url)
    try:
        opened = channels.channel(row, database.secret_box)
    except SecretSealed as sealed:
        return {"channel": row.name, "outcome": str(sealed), "error": str(sealed)}
    from app.notifications.send import courier  # it loads the clients of HTTP and of SMTP

    failure = courier(settings).send(opened, letter)
    error = failure.sentence if failure else None
    outbox.note_test(database, row.id, error)
    return {"channel": row.name, "outcome": error or "sent", "error": error}


def _shown(row: sa.Row[Any], database: Database) -> dict[str, Any]:
    shown = channels.public(row, channels.shown_address(row, database.secret_box))
    return {**shown, "trigger": row.slug, "waiting": int(row.waiting)}


def _condition(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "condition": row.kind,
        "text": sentence(
            row.kind, f"trigger {row.trigger_id}", row.notified_number or 0, over=False
        ),
        "trigger_id": row.trigger_id or None,
        "since": clock.text(row.opened_at),
        "notified_at": clock.text(row.notified_at),
    }


def _kind_of(address: str) -> str:
    """Return the likely kind of an address: Mattermost and Rocket.Chat have `/hooks/` in theirs."""
    if not address.lower().startswith(("http://", "https://")):
        return "email"
    chat = "//hooks.slack.com/" in address.lower() or "/hooks/" in address.lower()
    return "slack" if chat else "webhook"
