"""The WSGI application that gunicorn serves; gunicorn.conf.py names it."""

import atexit
import logging
import os
import sys
import threading

from app import log, settings
from app.db import Database
from app.errors import InvalidSetting
from app.stats.counter_writer import CounterWriter
from app.stats.counters import Counters
from app.web.application import App, create_app


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
    database, counters = Database(chosen), Counters()
    app = create_app(chosen, database, counters)
    threading.Thread(target=app.schema.run, name="schema-watch", daemon=True).start()
    writer = CounterWriter(counters, database, chosen.hookonce_counts_seconds, app.schema)
    writer.start()
    atexit.register(writer.stop)  # after the last request: its thread has ended by then
    log.event(logging.getLogger("hookonce"), logging.INFO, "serving", pid=os.getpid())
    return app
