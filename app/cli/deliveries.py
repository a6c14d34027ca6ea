"""`hookonce trigger counts` and `hookonce mismatch`: what became of deliveries."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import click

from app import clock, masking
from app.cli import output
from app.cli.context import with_database
from app.db import Database
from app.settings import Settings
from app.stats import deliveries, outcomes
from app.triggers import manage


@click.command("counts")
@click.argument("trigger", required=False)
@click.option(
    "--hours", default=24, show_default=True, type=click.IntRange(1), help="How far back."
)
@output.json_option
@with_database
def counts(
    _chosen: Settings, database: Database, trigger: str | None, hours: int, as_json: bool
) -> None:
    """How many deliveries were accepted, repeated, filtered and refused, hour by hour.

    Without a trigger: of all together, and of addresses that are no trigger's. The hours are those
    of UTC; the running one counts as one of them.
    """
    since = clock.now() - timedelta(hours=hours - 1)
    with database.reading() as connection:
        trigger_id = None if trigger is None else manage.find_trigger(connection, trigger).id
        rows = [masking.public(row) for row in deliveries.counts(connection, since, trigger_id)]
    total, by_hour = _summed(rows)
    if as_json:
        listed = [{"hour": hour, "counts": numbers} for hour, numbers in by_hour.items()]
        click.echo(json.dumps({"trigger_id": trigger_id, "total": total, "by_hour": listed}))
        return
    shown = [{"hour": hour} | numbers for hour, numbers in {"total": total, **by_hour}.items()]
    output.table(shown, ("hour", *(each for each in outcomes.ALL if each in total)))


def _summed(rows: list[dict[str, Any]]) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """The numbers of each outcome: of all hours together, and of each hour, newest first."""
    total: Counter[str] = Counter()
    by_hour: dict[str, Counter[str]] = {}
    for row in rows:
        for numbers in (total, by_hour.setdefault(row["hour"], Counter())):
            numbers[row["outcome"]] += row["number"]
    return total, by_hour


@click.group("mismatch")
def group() -> None:
    """Other payloads that came under a key already admitted: answered like duplicates."""


@group.command("list")
@click.option("--trigger", help="Of this trigger alone.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@output.json_option
@with_database
def list_mismatches(
    _chosen: Settings, database: Database, trigger: str | None, limit: int, as_json: bool
) -> None:
    """Each with both digests, the newest execution first."""
    with database.reading() as connection:
        trigger_id = None if trigger is None else manage.find_trigger(connection, trigger).id
        found = deliveries.mismatches(connection, limit, trigger_id)
    rows = [masking.public(row) for row in found]
    if as_json:
        click.echo(json.dumps(rows))
        return
    shown = ("execution_id", "slug", "idempotency_key", "number", "last_at")
    output.table(rows, (*shown, "digest_admitted", "digest_came"))


COMMANDS = (counts,)
"""What belongs to the group `trigger`."""
