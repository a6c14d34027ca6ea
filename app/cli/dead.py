"""`hookonce dead`: list the dead letters and replay many of them."""

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from app import masking
from app.cli import output, persons, terminal
from app.cli.context import WRONG, actor, with_database
from app.cli.dead_letter_options import filter_options
from app.cli.number_param import POSITIVE, NumberParam
from app.cli.signals import INTERRUPTED, until_interrupted_in_waits
from app.db import Database
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions import dead_letters
from app.executions.bulk_replay import OUTCOMES, FailingAgain, Pace, replay_many
from app.executions.dead_letters import DeadLetterFilter
from app.settings import Settings

_LISTED = (
    *("id", "trigger", "status", "error_reason", "completed_at", "idempotency_key", "edited"),
    "error",
)


@click.group("dead")
def group() -> None:
    """List and replay dead letters: executions that failed for good."""


@group.command("list")
@click.option("--limit", type=POSITIVE, help="Print at most this many rows.")
@terminal.wide_option
@output.json_option
@with_database
@filter_options
def list_dead(
    _settings: Settings,
    database: Database,
    filters: DeadLetterFilter,
    limit: int | None,
    as_json: bool,
) -> None:
    """List the dead letters, newest first."""
    rows = (masking.public(row) for row in dead_letters.each(database, filters, limit))
    output.stream(rows if as_json else map(persons.mark, rows), _LISTED, as_json)


@group.command("replay")
@click.argument("ids", nargs=-1, type=POSITIVE, metavar="[ID]...")
@click.option(
    "--pace",
    default=10.0,
    show_default=True,
    type=NumberParam(0.01, 1000),
    help="Replays per second.",
)
@click.option(
    "--stop-after",
    default=3,
    show_default=True,
    type=POSITIVE,
    help="Stop when this many of the first replays have failed again.",
)
@click.option(
    "--wait",
    default=30.0,
    show_default=True,
    type=NumberParam(0),
    help="Watch the first replays for at most this many seconds in total.",
)
@click.option("--no-wait", is_flag=True, help="Do not watch whether the first replays fail again.")
@output.yes_option
@output.json_option
@with_database
@filter_options
def replay(
    _settings: Settings,
    database: Database,
    filters: DeadLetterFilter,
    ids: tuple[int, ...],
    pace: float,
    stop_after: int,
    wait: float,
    no_wait: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Replay dead letters by id, or all that match the options.

    Ids are replayed in the order given, all others newest first.
    The first ones are replayed one by one, each watched until an attempt has ended, so that not
    all fail again. As soon as one has completed, the others follow at --pace. The command stops
    when --stop-after of the first ones have failed again.
    """
    if ids and filters != DeadLetterFilter():
        raise click.UsageError("give either ids or options that select dead letters, not both")
    total = _preview(database, replace(filters, ids=ids) if ids else filters, len(set(ids)))
    if total and not yes:
        click.confirm(f"Replay {total} dead letter(s), {pace:g} per second?", abort=True, err=True)
    selected = (
        dict.fromkeys(ids) if ids else (row.id for row in dead_letters.each(database, filters))
    )
    counts, status = _replay_all(
        database, selected, Pace(pace, 0 if no_wait else stop_after, wait), total
    )
    output.record({"selected": total} | counts, as_json)
    sys.exit(status)


def _preview(database: Database, filters: DeadLetterFilter, named: int) -> int:
    """Return the number of selected ids; print them by trigger and reason on the standard error.

    `named` is the number of ids on the command line, of which some may be no dead letters.
    """
    with database.reading() as connection:
        rows = [masking.public(row) for row in dead_letters.counts(connection, filters)]
    dead = sum(int(row["executions"]) for row in rows)
    click.echo(f"{dead} dead letter(s)", err=True)
    if rows:
        output.table(rows, ("trigger", "reason", "executions"), err=True)
    if named > dead:
        click.echo(f"{named - dead} of the given id(s) are not dead letters", err=True)
    return max(dead, named)


def _replay_all(
    database: Database, ids: Iterable[int], pace: Pace, total: int
) -> tuple[dict[str, int], int]:
    """Replay the ids; return the number of each outcome, and the exit status."""
    counts = Counter(dict.fromkeys(OUTCOMES, 0))
    stopped = None
    with until_interrupted_in_waits() as stop, _without_info_lines(), _progress(total) as bar:
        try:
            for result in replay_many(database, ids, pace, stop, actor()):
                counts[result.outcome] += 1
                bar.update(1)
        except FailingAgain as error:
            stopped = f"{error}; `--no-wait` replays the others all the same"
        except SchemaMoved:
            stopped = "a migration is running"
        except DatabaseUnavailable as error:
            stopped = str(error)
    if stopped and not stop.is_set():
        click.echo(f"Stopped: {terminal.plain(stopped)}.", err=True)
    if stop.is_set():
        return dict(counts), INTERRUPTED
    return dict(counts), WRONG if stopped or counts.total() > counts["replayed"] else 0


def _progress(total: int) -> Any:
    return click.progressbar(length=total, label="Replaying", show_pos=True, file=sys.stderr)


@contextmanager
def _without_info_lines() -> Iterator[None]:
    """Log only warnings of replays: an INFO line for each replay would break the progress bar."""
    logger = logging.getLogger("hookonce.replay")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
