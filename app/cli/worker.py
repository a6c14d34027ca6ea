"""`hookonce worker`: run executions as they come due."""

import random
import signal
import threading

import click

from app import log, revision
from app.cli.reaching import with_database
from app.db import Database
from app.intake import sources
from app.settings import Settings
from app.tally.memory import Tally
from app.tally.writer import Writer
from app.worker.loop import Worker
from app.worker.sweep import Sweeper


@click.command("worker")
@click.option("--once", is_flag=True, help="Work off what is due now, then end.")
@click.option("--concurrency", default=16, show_default=True, type=click.IntRange(1, 256))
@with_database
def command(chosen: Settings, database: Database, once: bool, concurrency: int) -> None:
    """Run executions as they come due, until told to stop."""
    revision.require(database)
    tally = Tally()
    writer = Writer(tally, database, chosen.hookonce_counts_seconds)
    working = Worker(database, chosen, concurrency, tally=tally)
    sweeper = Sweeper(database, chosen, sources.retry_seconds(), random.SystemRandom().random)
    writer.start()
    if not once:
        sweeper.start()
    try:
        finished = _work(working, once)
    finally:
        sweeper.stop()
        writer.stop()
    if not finished:
        log.abandon("actions were still running when the grace period ended")


def _work(working: Worker, once: bool) -> bool:
    if once:
        click.echo(f"{working.run_once()} attempt(s) made")
        return True
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return working.run(stop)
