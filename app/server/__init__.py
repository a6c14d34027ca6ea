"""The server room: the gunicorn worker that serves the application, and the set-up of its process.

The product never imports it; gunicorn.conf.py does, and needs nothing but these names.
"""

from app.log import write_without_waiting as write_log_without_waiting
from app.server.versions import require_supported_versions

require_supported_versions()  # before the imports that need private parts of gunicorn

from app.server.connections import forget_worker  # noqa: E402
from app.server.log_lines import ServerLogger, shorten_timeouts  # noqa: E402
from app.server.process_setup import (  # noqa: E402
    freeze_application,
    freeze_modules,
    limit_malloc,
    limit_silence,
)
from app.server.readiness import keep_notification, notify_serving  # noqa: E402
from app.server.worker import CooperativeWorker  # noqa: E402

__all__ = [
    "CooperativeWorker",
    "ServerLogger",
    "forget_worker",
    "freeze_application",
    "freeze_modules",
    "keep_notification",
    "limit_malloc",
    "limit_silence",
    "notify_serving",
    "shorten_timeouts",
    "write_log_without_waiting",
]
