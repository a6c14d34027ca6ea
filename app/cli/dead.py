"""`hookonce dead`: look through the dead letters, and replay many of them."""

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from app import masking
from app.cli import output
from app.cli.context import WRONG, actor, with_database
from app.cli.dead_letter_options import choosing
from app.cli.signals import INTERRUPTED, until_interrupted
from app.db import Database
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions import dead_letters
from app.executions.bulk_replay import OUTCOMES, FailingAgain, Pace, replay_many
from app.executions.dead_letters import DeadLetterFilter
from app.settings import Settings

_LISTED = ("id", "trigger", "status", "error_reason", "completed_at", "idempotency_key", "error")


@click.group("dead")
def group() -> None:
    """Dead letters: executions that failed and of which nothing more becomes by itself."""


@group.command("list")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@output.json_option
@with_database
@choosing
def list_dead(
    _chosen: Settings,
    database: Database,
    chosen: DeadLetterFilter,
    limit: int | None,
    as_json: bool,
) -> None:
    """The dead letters, newest first."""
    rows = (masking.public(row) for row in dead_letters.each(database, chosen, limit))
    output.stream(rows, _LISTED, as_json)


@group.command("replay")
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
@click.option("--pace", default=10.0, show_default=True, type=click.FloatRange(0.01, 1000))
@click.option("--stop-after", default=3, show_default=True, type=click.IntRange(1))
@click.option("--wait", default=30.0, show_default=True, type=click.FloatRange(0))
@click.option("--no-wait", is_flag=True, help="Do not look whether the first ones fail again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.json_option
@with_database
@choosing
def replay(
    _chosen: Settings,
    database: Database,
    chosen: DeadLetterFilter,
    ids: tuple[int, ...],
    pace: float,
    stop_after: int,
    wait: float,
    no_wait: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Replay these dead letters, or all that are meant, newest first.

    --pace is how many a second. Until one of the first has completed they are sent one by one,
    and once --stop-after of them have failed again it ends; --wait is for how many seconds, all
    in all, they are watched.
    """
    if ids and chosen != DeadLetterFilter():
        raise click.UsageError("name ids, or say which are meant by options, not both")
    total = _preview(database, replace(chosen, ids=ids) if ids else chosen, len(set(ids)))
    if total and not yes:
        click.confirm(f"Replay them, {pace:g} a second?", abort=True, err=True)
    meant = dict.fromkeys(ids) if ids else (row.id for row in dead_letters.each(database, chosen))
    careful = Pace(pace, 0 if no_wait else stop_after, wait)
    counts, status = _replay_all(database, meant, careful, total)
    output.record({"selected": total} | counts, as_json)
    sys.exit(status)


def _preview(database: Database, chosen: DeadLetterFilter, named: int) -> int:
    """How many are meant; they are shown on the standard error by trigger and reason."""
    with database.reading() as connection:
        rows = [masking.public(row) for row in dead_letters.counts(connection, chosen)]
    dead = sum(int(row["executions"]) for row in rows)
    click.echo(f"{dead} dead letter(s)", err=True)
    if rows:
        output.table(rows, ("trigger", "reason", "executions"), err=True)
    if named > dead:
        click.echo(f"{named - dead} of the named execution(s) are none", err=True)
    return max(dead, named)


def _replay_all(
    database: Database, meant: Iterable[int], pace: Pace, total: int
) -> tuple[dict[str, int], int]:
    """What became of how many, and the exit status."""
    counts = Counter(dict.fromkeys(OUTCOMES, 0))
    stopped = None
    with until_interrupted() as stop, _quietly(), _progress(total) as bar:
        try:
            for result in replay_many(database, meant, pace, stop, actor()):
                counts[result.outcome] += 1
                bar.update(1)
        except FailingAgain as error:
            stopped = f"{error}; `--no-wait` replays them regardless"
        except SchemaMoved:
            stopped = "a migration is under way"
        except DatabaseUnavailable as error:
            stopped = str(error)
    if stopped:
        click.echo(f"Stopped: {output.plain(stopped)}.", err=True)
    if stop.is_set():
        return dict(counts), INTERRUPTED
    return dict(counts), WRONG if stopped or counts.total() > counts["replayed"] else 0


def _progress(total: int) -> Any:
    return click.progressbar(length=total, label="Replaying", show_pos=True, file=sys.stderr)


@contextmanager
def _quietly() -> Iterator[None]:
    """A line for each replay would tear the bar apart; warnings are worth it."""
    logger = logging.getLogger("hookonce.replay")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
