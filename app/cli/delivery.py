"""`hookonce delivery`: list and show the deliveries that became no execution."""

import json
from typing import Any

import click

from app.cli import completion, output, terminal
from app.cli.context import actor, with_database
from app.cli.number_param import POSITIVE
from app.cli.time_param import TimeParam
from app.db import Database
from app.db.count_cache import CountCache
from app.db.paging import PagePosition
from app.executions import retention
from app.settings import Settings
from app.stats import journal, mismatch_difference, outcomes
from app.stats.journal import DeliveryFilter
from app.triggers import lookup

_LISTED = (
    *("id", "trigger_id", "at", "outcome", "address", "idempotency_key", "execution_id"),
    *("more", "found"),
)
KEYS_SHOWN = 10
"""Keys of a delivery that the question names."""
delivery_id = click.argument("delivery_id", type=POSITIVE, metavar="ID")


@click.group("delivery")
def group() -> None:
    """List and show deliveries that became no execution."""


@group.command("list")
@completion.trigger_option
@completion.source_option
@click.option("--outcome", type=click.Choice(journal.OUTCOMES), help="Only with this outcome.")
@click.option("--key", help="Only with this idempotency key.")
@click.option("--key-prefix", help="Only with a key that begins so.")
@click.option("--request-id", help="Only of this request.")
@click.option("--address", help="Only from this IP address.")
@click.option(
    "--execution",
    "execution_id",
    type=POSITIVE,
    help="Only duplicates of this execution.",
)
@click.option(
    "--since",
    type=TimeParam(),
    help="Only received at this time or later: 2h or 3d ago, 14:00 here, or ISO 8601 (UTC).",
)
@click.option("--until", type=TimeParam(), help="Only received before this time.")
@output.limit_option
@output.before_option
@terminal.wide_option
@output.json_option
@with_database
def list_deliveries(
    _settings: Settings,
    database: Database,
    *,
    trigger: str | None,
    limit: int,
    before: int | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """List the deliveries without an execution, newest first.

    They are written some seconds after their answer. The journal is bounded: the oldest are removed
    first.
    """
    position = PagePosition(per_page=limit, before_id=before)
    with database.reading() as connection:
        trigger_id = None if trigger is None else lookup.find_trigger(connection, trigger).id
        wanted = DeliveryFilter(trigger_id, **filters)
        page = journal.page(connection, CountCache(), wanted, position)
    rows = [journal.shown(row) for row in page.rows]
    if not as_json:
        rows = [row | {"found": _found(row)} for row in rows]
    output.page(rows, _LISTED, page, as_json)


@group.command("show")
@delivery_id
@terminal.wide_option
@output.json_option
@with_database
def show(_settings: Settings, database: Database, delivery_id: int, as_json: bool) -> None:
    """Show a delivery: diagnosis, headers, body, a mismatch's difference."""
    with database.reading() as connection:
        row = journal.delivery(connection, delivery_id)
        difference = mismatch_difference.shown(connection, row)
    shown = journal.shown(row)
    headers, body = journal.shown_headers(row), journal.body_text(row.body)
    if as_json:
        click.echo(json.dumps(shown | {"headers": headers, "body": body} | difference))
        return
    found = shown.pop("diagnosis")
    shown["found"] = "\n".join(each.get("detail", "") for each in found) or None
    shown["headers"] = "\n".join(f"{name}: {value}" for name, value in headers.items()) or None
    output.record(shown | {"body": body, "differences": _difference(difference)}, as_json)


@group.command("accept")
@delivery_id
@output.yes_option
@output.json_option
@with_database
def accept(
    settings: Settings, database: Database, delivery_id: int, yes: bool, as_json: bool
) -> None:
    """Admit the events of a refused or filtered delivery.

    You decide about the signature and the filter, not about the key: an event whose key is known
    is still a duplicate. Your name is recorded.
    """
    from app.intake import accept as accepting  # it knows all sources, which are slow to load

    chosen = accepting.candidate(database, delivery_id, retention.of_settings(settings))
    keys = ", ".join(terminal.plain(key or "no key") for key in chosen.keys[:KEYS_SHOWN])
    if not yes:
        click.confirm(f"Admit {len(chosen.keys)} event(s) ({keys})?", abort=True, err=as_json)
    result = accepting.accept(database, chosen, actor())
    values = {"execution_ids": result.new, "duplicates_of": result.duplicates}
    known = ", ".join(map(str, result.duplicates))
    sentence = f"New executions: {', '.join(map(str, result.new))}."
    if not result.new:
        sentence = f"Delivery {delivery_id} is accepted. Its key was known: nothing new runs."
    output.done(f"{sentence} Duplicates of: {known}." if known else sentence, values, as_json)


@group.command("run")
@delivery_id
@output.yes_option
@output.json_option
@with_database
def run(
    _settings: Settings, database: Database, delivery_id: int, yes: bool, as_json: bool
) -> None:
    """Run a duplicate or mismatch as its own execution.

    It runs once, without a key: the key stays with the execution that has it.
    """
    from app.intake import accept as accepting  # it knows all sources, which are slow to load

    if not yes:
        click.confirm(f"Run delivery {delivery_id}?", abort=True, err=as_json)
    new = accepting.run(database, delivery_id, actor())
    values = {"status": "ok", "new_execution_id": new}
    output.done(f"Delivery {delivery_id} runs as execution {new}.", values, as_json)


def _difference(difference: dict[str, Any]) -> str | None:
    """Return a line for each difference: its place, the stored value and the received one."""
    listed = difference["differences"]
    if listed is None:
        return None
    lines = list(map(_changed, listed))
    more = difference["differences_more"]
    return "\n".join([*lines, *([f"and {more} more"] if more else [])]) or "none"


def _changed(each: dict[str, Any]) -> str:
    stored, received = (json.dumps(each[side]) for side in ("stored", "received"))
    if each["change"] == "added":
        return f"{each['path']}: absent -> {received}"
    return f"{each['path']}: {stored} -> {'absent' if each['change'] == 'removed' else received}"


def _found(row: dict[str, Any]) -> str | None:
    """Return the sentence that says most about the delivery."""
    if row["accepted_at"]:
        done = "run" if row["outcome"] in outcomes.REPEATED else "accepted"
        execution_id = row["accepted_execution_id"] or f"{row['execution_id']}, a duplicate"
        return f"{done} by {row['accepted_by']}: execution {execution_id}"
    sentences = [each.get("detail") for each in row["diagnosis"]]
    return next((str(each) for each in (*sentences, row["detail"]) if each), None)
