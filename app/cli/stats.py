"""`hookonce stats`: the numbers of the last days."""

import json
from collections import Counter as Numbers
from dataclasses import asdict

import click

from app.cli import output, terminal
from app.cli.context import with_database
from app.db import Database
from app.db.count_cache import CountCache
from app.settings import Settings
from app.stats import outcomes, report
from app.stats.report import StatsReport

_NUMBERS = (
    "window_days",
    "total_executions",
    "retries_observed",
    "idempotent_replays",
    "dlq_size",
    "wpp_command_count",
    "circuit_breaker_watermark_hit",
    "oldest_pending_seconds",
)
"""The fields of the report that are one value each, in the order of printing."""
_ANSWER_TIMES = ("source", "number", "p50_seconds", "p99_seconds", "limit_seconds")


@click.command("stats")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 30))
@terminal.wide_option
@output.json_option
@with_database
def command(chosen: Settings, database: Database, days: int, as_json: bool) -> None:
    """Count executions, deliveries and dead letters of some days.

    Answer times are included.
    """
    with database.reading() as connection:
        stats = report.read(
            connection,
            CountCache(),
            days,
            chosen.hookonce_command_watermark,
            answer_limit=_answer_limit,
        )
    breakers_open = sum(row.opened_at is not None for row in stats.breakers)
    numbers = {name: getattr(stats, name) for name in _NUMBERS} | {"breakers_open": breakers_open}
    groups, times = _groups(stats), [asdict(each) for each in stats.answer_times]
    if as_json:
        click.echo(json.dumps(numbers | groups | {"answer_times": times}))
        return
    output.record(numbers, as_json=False)
    for heading, counts in groups.items():
        if counts:
            click.echo(f"\n{heading}")
            output.record(counts, as_json=False)
    if times:
        click.echo()
        output.table(times, _ANSWER_TIMES)


def _answer_limit(source: str) -> float | None:
    from app.intake import sources  # they are slow to load, and few installations time answers

    return sources.answer_seconds(source)


def _groups(stats: StatsReport) -> dict[str, dict[str, int]]:
    """Return the counts that have a heading each; deliveries summed over the hours."""
    deliveries = Numbers[str]()
    for row in stats.deliveries:
        deliveries[row.outcome] += int(row.number)
    return {
        "by_status": stats.by_status,
        "deliveries": {name: deliveries[name] for name in outcomes.ALL if name in deliveries},
        "dead_by_reason": stats.dead_by_reason,
    }
