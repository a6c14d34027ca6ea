"""How gunicorn serves Hookonce: `gunicorn` with no argument is enough.

Override with GUNICORN_CMD_ARGS, or with options such as `-b 0.0.0.0:8000 -w 4`.
"""

import gc
import logging
import socket
import struct

from gunicorn.glogging import Logger

import app.wsgi  # noqa: F401, once, and not again by each process that is started
from app import log, settings
from app.errors import InvalidSetting
from app.server.worker import CooperativeWorker, connection_counts


class Lines(Logger):
    """Gunicorn's own lines, as JSON where ours are."""

    def setup(self, cfg):
        super().setup(cfg)
        try:
            chosen = settings.from_environment()
        except InvalidSetting:
            return  # on_starting says so
        if chosen.hookonce_log_format == "json":
            for handler in (*self.error_log.handlers, *self.access_log.handlers):
                handler.setFormatter(log.formatter("json"))


wsgi_app = "app.wsgi:application()"
bind = "127.0.0.1:8000"
workers = 2
worker_class = CooperativeWorker
logger_class = Lines
threads = 40
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
    """A setting that cannot be used ends the start here, in one sentence, before any worker."""
    try:
        settings.from_environment()
    except InvalidSetting as error:
        raise RuntimeError(str(error)) from error  # gunicorn prints it as `Error: ...`, exit 1
    for name in settings.unknown_names():
        server.log.warning("%s is set, but there is no such setting", name)


def when_ready(server):
    """Before any process is started: what is loaded by now is theirs together.

    Looked through for garbage it would become each one's own.
    """
    _limit_patience(server.LISTENERS)
    gc.freeze()


def _limit_patience(listeners):
    """A sender that falls silent, or reads no answer, gives its thread back.

    Accepted sockets inherit the time-outs. Without them a few dozen such senders would hold every
    thread for as long as they like.
    """
    whole, part = divmod(settings.from_environment().hookonce_read_seconds, 1)
    patience = struct.pack("ll", int(whole), int(part * 1_000_000))
    for listener in listeners:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)


def post_worker_init(_worker):
    """What was made so far stays, so it is never looked through for garbage again.

    A request makes little that refers to itself; looking for it after every 700 new objects took a
    tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def child_exit(_server, worker):
    """However it ended, nobody leaves connections to it any more."""
    connection_counts.forget(worker.age)


def post_fork(_server, _worker):
    """One line, not a traceback, for each sender that was cut off."""
    logging.getLogger("gunicorn.error").addFilter(_shortened)


def _shortened(record):
    if record.exc_info and isinstance(record.exc_info[1], BlockingIOError):
        record.msg, record.args, record.exc_info = "A sender fell silent and was cut off.", (), None
    return True
