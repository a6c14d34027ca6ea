"""`hookonce worker`: run executions when they are due."""

import logging
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from app import log
from app.actions import descendants
from app.cli import signals
from app.cli.context import with_database
from app.cli.signals import Stop
from app.db import Database, schema
from app.intake import sources
from app.notifications.monitor import Monitor
from app.settings import Settings
from app.stats.counter_writer import CounterWriter
from app.stats.counters import Counters
from app.worker.heartbeat import Heartbeat
from app.worker.loop import Worker
from app.worker.pruner import Pruner

logger = logging.getLogger("hookonce.worker")


class Helper(Protocol):
    """Work that a worker does beside its executions: counts, heartbeats, pruning, notifications."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@click.command("worker")
@click.option("--once", is_flag=True, help="Run what is due now, then exit.")
@click.option(
    "--concurrency",
    default=16,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Executions to run at the same time.",
)
@with_database
def command(settings: Settings, database: Database, once: bool, concurrency: int) -> None:
    """Run executions when they are due, until SIGTERM or Ctrl-C."""
    _warn_of_scripts_dir(settings)
    signals.leave_nothing_to_children()
    counters = Counters()
    worker = Worker(
        database, settings, concurrency, counters=counters, event_headers=sources.event_headers()
    )
    writer = CounterWriter(counters, database, settings.hookonce_counts_seconds)
    if once:
        schema.require(database)
        with _running(Heartbeat(database, worker, threading.Event())), _running(writer):
            _run_once(worker)
        return
    log.write_without_waiting()
    log.configure(settings.hookonce_log_level, settings.hookonce_log_format)  # to the new stream
    stop = stop_on_signal(worker.hurry)
    worker.await_database(stop)
    retry_seconds, rand = sources.retry_seconds(), random.SystemRandom().random
    with (
        descendants.adopting_orphans(),
        _running(writer),
        _running(Pruner(database, settings, retry_seconds, rand)),
        _running(Heartbeat(database, worker, stop)),
        _running(Monitor(database, settings)),
    ):
        finished = worker.run(stop)
    if not finished:
        log.abandon("actions were still running when the grace period ended")


def _run_once(worker: Worker) -> None:
    with descendants.adopting_orphans(), signals.until_interrupted(worker.hurry) as stop:
        count = worker.run_once(stop)
    click.echo(f"{count} attempt(s) made")
    if stop.is_set():
        sys.exit(signals.INTERRUPTED)


def _warn_of_scripts_dir(settings: Settings) -> None:
    """Warn if the configured scripts directory does not exist.

    It is no error, since the directory may be mounted later; until then every execution with a
    script becomes a dead letter.
    """
    directory = settings.hookonce_scripts_dir
    if directory != Settings().hookonce_scripts_dir and not os.path.isdir(directory):
        log.event(logger, logging.WARNING, "no_scripts_dir", directory=directory)


def stop_on_signal(at_once: Callable[[], None] | None = None) -> Stop:
    """Return a Stop that signals set until the process ends, see `signals.install`."""
    stop = Stop()
    signals.install(stop, at_once)
    return stop


@contextmanager
def _running(helper: Helper) -> Iterator[None]:
    """Let a helper of the worker, which has a thread of its own, work until the block ends."""
    helper.start()
    try:
        yield
    finally:
        helper.stop()
