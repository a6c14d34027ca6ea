"""What gunicorn serves: `gunicorn` alone is enough, gunicorn.conf.py names it."""

import logging
import os

from app import log, settings
from app.web.application import App, create_app


def application() -> App:
    """The application with the environment's settings; called once in each worker process."""
    chosen = settings.from_environment()
    log.configure(chosen.hookonce_log_level)
    app = create_app(chosen)
    log.event(logging.getLogger("hookonce"), logging.INFO, "serving", pid=os.getpid())
    return app
