"""The configuration of gunicorn: `gunicorn` with no argument is enough to serve Hookonce.

Override with GUNICORN_CMD_ARGS, or with options such as `-b 0.0.0.0:8000 -w 4`.
"""

import os

from app import server as hookonce
from app import settings, wsgi  # the master loads it, so that its workers need not load it again
from app.errors import InvalidSetting
from app.masking import process

hookonce.write_log_without_waiting()  # before gunicorn makes its loggers

wsgi_app = wsgi.FACTORY
bind = f"127.0.0.1:{os.environ.get('PORT') or settings.DEFAULT_PORT}"
workers = 2
worker_class = hookonce.CooperativeWorker
logger_class = hookonce.ServerLogger
# None of them waits for a peer, only for the database: more would wait for its connections.
threads = 16
keepalive = 15
graceful_timeout = 20
# A database connection must never cross a fork: each worker process makes its own application.
preload_app = False
# Header names with an underscore are dropped, so that none can pose as another.
header_map = "drop"
# None is exempt: by SCRIPT_NAME, which a proxy on this host may pass on, anyone could cause a 500.
forwarder_headers = ""
control_socket_disable = True


def on_starting(server):
    """End the start with one sentence, before any worker, if a setting cannot be used.

    The workers inherit the hidden environment and memory.
    """
    try:
        settings.from_environment()
    except InvalidSetting as error:
        raise RuntimeError(str(error)) from error  # gunicorn prints it as `Error: ...`, exit 1
    process.hide()
    hookonce.keep_notification()
    if server.app.app_uri == wsgi.WITHOUT_CALL:  # as in `gunicorn app.wsgi:application`
        server.app.app_uri = wsgi.FACTORY
    for name in settings.unknown_names():
        server.log.warning("%s is set, but there is no such setting", name)


def when_ready(server):
    """Prepare what the workers inherit from the master, before the first is forked."""
    hookonce.limit_silence(server.LISTENERS, settings.from_environment().hookonce_read_seconds)
    hookonce.limit_malloc()
    hookonce.freeze_modules()


def post_fork(_server, _worker):
    """Shorten the log lines of a new worker."""
    hookonce.shorten_timeouts()


def post_worker_init(_worker):
    """Free the collector from the application just made, and report that the worker serves."""
    hookonce.freeze_application()
    hookonce.notify_serving()


def child_exit(_server, worker):
    """Forget a worker that ended."""
    hookonce.forget_worker(worker.age)
