"""`hookonce worker`: run executions as they come due."""

import signal
import threading

import click

from app import log, revision
from app.cli.reaching import with_database
from app.db import Database
from app.settings import Settings
from app.worker.loop import Worker


@click.command("worker")
@click.option("--once", is_flag=True, help="Work off what is due now, then end.")
@click.option("--concurrency", default=4, show_default=True, type=click.IntRange(1, 64))
@with_database
def command(chosen: Settings, database: Database, once: bool, concurrency: int) -> None:
    """Run executions as they come due, until told to stop."""
    revision.require(database)
    working = Worker(database, chosen, concurrency)
    if once:
        click.echo(f"{working.run_once()} attempt(s) made")
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not working.run(stop):
        log.abandon("actions were still running when the grace period ended")
