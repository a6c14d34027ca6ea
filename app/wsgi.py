"""What gunicorn serves: `gunicorn` alone is enough, gunicorn.conf.py names it."""

from app import log, settings
from app.web.application import App, create_app


def application() -> App:
    """The application with the environment's settings; called once in each worker process."""
    chosen = settings.from_environment()
    log.configure(chosen.hookonce_log_level)
    return create_app(chosen)
