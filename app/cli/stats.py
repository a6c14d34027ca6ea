"""`hookonce stats`: how the service has done lately."""

import json
from collections import Counter as Numbers
from dataclasses import asdict
from datetime import timedelta

import click

from app import clock
from app.cli import output
from app.cli.context import with_database
from app.db import Database
from app.db.count_cache import CountCache
from app.executions import due
from app.intake import sources
from app.settings import Settings
from app.stats import outcomes, summary
from app.triggers import queries
from app.worker import fair_share


@click.command("stats")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 30))
@output.json_option
@with_database
def command(chosen: Settings, database: Database, days: int, as_json: bool) -> None:
    """Executions, deliveries, dead letters and answer times of the last days."""
    now, deliveries = clock.now(), Numbers[str]()
    with database.reading() as connection:
        seen = summary.window(connection, CountCache(), now - timedelta(days=days))
        counts = summary.by_status(seen)
        dead = summary.dead_by_reason(connection, seen.counter)
        commands = summary.commands(seen)
        for row in summary.deliveries_by_hour(seen):
            deliveries[row.outcome] += int(row.number)
        numbers = {
            "window_days": days,
            "total_executions": sum(counts.values()),
            "retries_observed": summary.retries(seen),
            "idempotent_replays": summary.duplicates(seen),
            "dlq_size": sum(dead.values()),
            "wpp_command_count": commands,
            "circuit_breaker_watermark_hit": commands > chosen.hookonce_command_watermark,
            "oldest_pending_seconds": fair_share.longest_due_seconds(due.find_triggers(connection)),
            "breakers_open": sum(row.opened_at is not None for row in queries.breakers(connection)),
        }
        times = [
            asdict(each) | {"limit_seconds": sources.named(each.source).facts.answer_seconds}
            for each in summary.answer_times(seen)
        ]
    grouped = {
        "by_status": counts,
        "deliveries": {name: deliveries[name] for name in outcomes.ALL if name in deliveries},
        "dead_by_reason": dead,
    }
    if as_json:
        click.echo(json.dumps(numbers | grouped | {"answer_times": times}))
        return
    output.record(numbers, as_json=False)
    for heading, found in grouped.items():
        if found:
            click.echo(f"\n{heading}")
            output.record(found, as_json=False)
    if times:
        click.echo()
        columns = ("source", "number", "p50_seconds", "p99_seconds", "limit_seconds")
        output.table(times, columns)
