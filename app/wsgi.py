"""What gunicorn serves: `gunicorn` alone is enough, gunicorn.conf.py names it."""

import atexit
import logging
import os

from app import log, settings
from app.db import Database
from app.tally.memory import Tally
from app.tally.writer import Writer
from app.web.application import App, create_app


def application() -> App:
    """The application with the environment's settings; called once in each worker process."""
    chosen = settings.from_environment()
    log.configure(chosen.hookonce_log_level, chosen.hookonce_log_format)
    database, tally = Database(chosen), Tally()
    app = create_app(chosen, database, tally)
    writer = Writer(tally, database, chosen.hookonce_counts_seconds)
    writer.start()
    atexit.register(writer.stop)  # after the last request: its thread has ended by then
    log.event(logging.getLogger("hookonce"), logging.INFO, "serving", pid=os.getpid())
    return app
