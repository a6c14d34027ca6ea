"""The WSGI application that gunicorn serves; gunicorn.conf.py names it."""

import atexit
import logging
import os
import sys
import threading

from app import log, settings
from app.db import Database
from app.errors import InvalidSetting
from app.intake.journal.writer import JournalWriter
from app.notifications.monitor import Monitor
from app.settings import Settings
from app.stats.counter_writer import CounterWriter
from app.stats.counters import Counters
from app.triggers.unverified import log_all_unverified
from app.web.application import App, create_app

WITHOUT_CALL = "app.wsgi:application"
"""Name that many applications have. It serves only under our configuration, which calls it."""
FACTORY = f"{WITHOUT_CALL}()"
CANNOT_LOAD = 4
"""Exit status of a gunicorn process at which gunicorn ends, instead of starting another."""
UNCONFIGURED = (
    "gunicorn runs without gunicorn.conf.py of Hookonce, which limits slow senders and names "
    "the application: run `hookonce serve` with the same options"
)


def application() -> App:
    """Make the application with the environment's settings; called once in each worker process.

    A setting that cannot be used ends the process with one sentence: for an exception
    `gunicorn --check-config` would print the traceback.
    """
    try:
        chosen = settings.from_environment()
    except InvalidSetting as error:
        sys.exit(f"Error: {error}")
    log.configure(chosen.hookonce_log_level, chosen.hookonce_log_format)
    logger = logging.getLogger("hookonce")
    if _without_our_configuration():
        log.event(logger, logging.WARNING, "unconfigured", error=UNCONFIGURED)
    database, counters = Database(chosen), Counters()
    app = create_app(chosen, database, counters)
    threading.Thread(target=app.schema.run, name="schema-watch", daemon=True).start()
    writer = CounterWriter(counters, database, chosen.hookonce_counts_seconds, app.schema)
    writer.start()
    Monitor(database, chosen, of_worker=False, schema=app.schema).start()
    atexit.register(writer.stop)  # after the last request: its thread has ended by then
    _write_journal(chosen, app, counters)
    threading.Thread(
        target=log_all_unverified, args=[database], name="start-warnings", daemon=True
    ).start()
    log.event(logger, logging.INFO, "serving", pid=os.getpid())
    return app


def _write_journal(chosen: Settings, app: App, counters: Counters) -> None:
    """Start to write the journal of deliveries, and write the rest of it at the end.

    At the exit it runs before the last counts are written, and so its losses are counted.
    """
    writer = JournalWriter(
        app.journal,
        app.database,
        counters,
        app.schema,
        seconds=chosen.hookonce_counts_seconds,
        most_bytes=chosen.hookonce_journal_bytes,
    )
    writer.start()
    atexit.register(writer.stop)


def _without_our_configuration() -> bool:
    """Return True if gunicorn loads this module and gunicorn.conf.py did not load our server."""
    return "gunicorn.arbiter" in sys.modules and "app.server" not in sys.modules


def _require_call() -> None:
    """End gunicorn with one sentence if it would call `application` for each request.

    gunicorn says nothing of its arguments to the module that it loads; they are those of the
    process.
    """
    words = (*sys.argv, *os.environ.get("GUNICORN_CMD_ARGS", "").split())
    if _without_our_configuration() and {WITHOUT_CALL, "app.wsgi"}.intersection(words):
        print(f"Error: {UNCONFIGURED}", file=sys.stderr)  # noqa: T201, there is no log yet
        sys.exit(CANNOT_LOAD)


_require_call()
