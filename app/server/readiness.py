"""Tell systemd that a receiver is ready once one of its processes serves.

gunicorn tells it when its master runs, a second before a process has made its application: a
restart of the next receiver would begin while nothing accepts connections.
"""

import os
import socket
from contextlib import suppress

VARIABLE = "NOTIFY_SOCKET"
"""Variable in which systemd names its socket, see sd_notify(3)."""
READY = b"READY=1\nSTATUS=serving"

_address: str | None = None


def keep_notification() -> None:
    """Take the variable from gunicorn, before its master reports that it is ready."""
    global _address  # the forked processes inherit it
    _address = os.environ.pop(VARIABLE, None)


def notify_serving() -> None:
    """Report that this process serves. Without systemd, or if it does not listen, do nothing."""
    if _address is None:
        return
    abstract = _address.replace("@", "\0", 1) if _address.startswith("@") else _address
    # an error that is suppressed here is reported by systemd: the start took too long
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification:
        notification.sendto(READY, abstract)
