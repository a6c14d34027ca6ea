"""`hookonce trigger counts` and `hookonce mismatch`: count deliveries, list key mismatches."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import click

from app import clock, masking
from app.cli import completion, output, terminal
from app.cli.context import actor, with_database
from app.cli.number_param import POSITIVE
from app.db import Database
from app.executions import own_execution
from app.settings import Settings
from app.stats import deliveries, outcomes
from app.triggers import lookup


@click.command("counts")
@click.argument("trigger", required=False, shell_complete=completion.triggers)
@click.option(
    "--hours",
    default=24,
    show_default=True,
    type=click.IntRange(1, 876_000),
    help="Number of hours to count.",
)
@terminal.wide_option
@output.json_option
@with_database
def counts(
    _settings: Settings, database: Database, trigger: str | None, hours: int, as_json: bool
) -> None:
    """Count the deliveries of each outcome, hour by hour.

    Without a TRIGGER, count the deliveries of all triggers, and those to addresses that belong to
    no trigger. Hours are in UTC; the running hour counts as one of them.
    """
    since = clock.now() - timedelta(hours=hours - 1)
    with database.reading() as connection:
        trigger_id = None if trigger is None else lookup.find_trigger(connection, trigger).id
        rows = [masking.public(row) for row in deliveries.counts(connection, since, trigger_id)]
    total, by_hour = _sums(rows)
    if as_json:
        hours_listed = [{"hour": hour, "counts": each} for hour, each in by_hour.items()]
        click.echo(json.dumps({"trigger_id": trigger_id, "total": total, "by_hour": hours_listed}))
        return
    lines = [{"hour": hour} | numbers for hour, numbers in {"total": total, **by_hour}.items()]
    output.table(lines, ("hour", *(outcome for outcome in outcomes.ALL if outcome in total)))


def _sums(rows: list[dict[str, Any]]) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Return the number of deliveries by outcome: in total, and for each hour, newest first."""
    total: Counter[str] = Counter()
    by_hour: dict[str, Counter[str]] = {}
    for row in rows:
        for numbers in (total, by_hour.setdefault(row["hour"], Counter())):
            numbers[row["outcome"]] += row["number"]
    return total, by_hour


@click.group("mismatch")
def group() -> None:
    """List key mismatches: a known key with another payload."""


@group.command("list")
@completion.trigger_option
@click.option(
    "--limit",
    default=100,
    show_default=True,
    type=POSITIVE,
    help="Print at most this many rows.",
)
@terminal.wide_option
@output.json_option
@with_database
def list_mismatches(
    _settings: Settings, database: Database, trigger: str | None, limit: int, as_json: bool
) -> None:
    """List key mismatches with both digests, newest execution first.

    The sender was answered as for a duplicate: the other payload was not admitted. It is kept as
    long as the payload of an execution, ten for each execution.
    """
    with database.reading() as connection:
        trigger_id = None if trigger is None else lookup.find_trigger(connection, trigger).id
        mismatches = deliveries.mismatches(connection, limit, trigger_id)
    rows = [masking.public(row) for row in mismatches]
    columns = ("execution_id", "slug", "idempotency_key", "number", "last_at", "kept")
    output.rows(rows, (*columns, "digest_admitted", "digest_came"), as_json)


@group.command("show")
@click.argument("execution_id", type=POSITIVE)
@click.argument("digest")
@terminal.wide_option
@output.json_option
@with_database
def show_mismatch(
    _settings: Settings, database: Database, execution_id: int, digest: str, as_json: bool
) -> None:
    """Show the payload that came with the key of an execution.

    DIGEST is the beginning of its digest, as `mismatch list` prints it.
    """
    with database.reading() as connection:
        row = deliveries.mismatched_payload(connection, execution_id, digest)
    if row is None:
        raise click.ClickException(
            f"no payload {digest} is kept for execution {execution_id}: `hookonce mismatch list` "
            "shows all mismatches"
        )
    shown = masking.public(row)
    body = shown.pop("body")
    output.record(shown | {"body": body.decode("utf-8", "backslashreplace")}, as_json)


@group.command("run")
@click.argument("execution_id", type=POSITIVE)
@click.argument("digest")
@output.yes_option
@output.json_option
@with_database
def run_mismatch(
    _settings: Settings,
    database: Database,
    execution_id: int,
    digest: str,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Run the payload of a mismatch as its own execution.

    DIGEST is the beginning of its digest. It runs once, without a key.
    """
    with database.reading() as connection:
        row = deliveries.mismatched_payload(connection, execution_id, digest)
    if row is None:
        raise click.ClickException(f"no payload {digest} is kept for execution {execution_id}")
    if not yes:
        click.confirm(f"Run the payload {row.digest[:12]}?", abort=True, err=as_json)
    new = own_execution.run_mismatch(database, execution_id, row.digest, actor())
    values = {"status": "ok", "new_execution_id": new}
    output.done(f"The payload runs as execution {new}.", values, as_json)
