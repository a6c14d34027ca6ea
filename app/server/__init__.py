"""The server room: the gunicorn worker that serves the application, and the set-up of its process.

The product never imports it; gunicorn.conf.py does, and needs nothing but these names.
"""

from app.server.log_lines import ServerLogger, shorten_timeouts
from app.server.process_setup import (
    freeze_application,
    freeze_modules,
    limit_silence,
)
from app.server.worker import CooperativeWorker, forget_worker

__all__ = [
    "CooperativeWorker",
    "ServerLogger",
    "forget_worker",
    "freeze_application",
    "freeze_modules",
    "limit_silence",
    "shorten_timeouts",
]
