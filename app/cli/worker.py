"""`hookonce worker`: run executions as they come due."""

import logging
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app import log
from app.cli.context import with_database
from app.cli.signals import Stop
from app.db import Database, schema
from app.intake import sources
from app.settings import Settings
from app.stats.counter_writer import CounterWriter
from app.stats.counters import Counters
from app.worker.loop import Worker
from app.worker.pruner import Pruner

logger = logging.getLogger("hookonce.worker")


@click.command("worker")
@click.option("--once", is_flag=True, help="Work off what is due now, then end.")
@click.option("--concurrency", default=16, show_default=True, type=click.IntRange(1, 256))
@with_database
def command(chosen: Settings, database: Database, once: bool, concurrency: int) -> None:
    """Run executions as they come due, until told to stop."""
    _warn_of_scripts_dir(chosen)
    tally = Counters()
    working = Worker(database, chosen, concurrency, counters=tally)
    if once:
        schema.require(database)
        with _counting(tally, database, chosen):
            click.echo(f"{working.run_once()} attempt(s) made")
        return
    stop = told_to_stop()
    working.await_database(stop)
    with _counting(tally, database, chosen), _sweeping(database, chosen):
        finished = working.run(stop)
    if not finished:
        log.abandon("actions were still running when the grace period ended")


def _warn_of_scripts_dir(chosen: Settings) -> None:
    """A named directory may be mounted later; until it stands, every script's event is dead."""
    directory = chosen.hookonce_scripts_dir
    if directory != Settings().hookonce_scripts_dir and not os.path.isdir(directory):
        log.event(logger, logging.WARNING, "no_scripts_dir", directory=directory)


def told_to_stop() -> Stop:
    """Set by SIGTERM and Ctrl-C, to the end of the process."""
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def _counting(tally: Counters, database: Database, chosen: Settings) -> Iterator[None]:
    writer = CounterWriter(tally, database, chosen.hookonce_counts_seconds)
    writer.start()
    try:
        yield
    finally:
        writer.stop()


@contextmanager
def _sweeping(database: Database, chosen: Settings) -> Iterator[None]:
    sweeper = Pruner(database, chosen, sources.retry_seconds(), random.SystemRandom().random)
    sweeper.start()
    try:
        yield
    finally:
        sweeper.stop()
