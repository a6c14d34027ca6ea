"""Set up a server process: time-outs of its sockets, and its garbage collector."""

import gc
import socket
import struct
from collections.abc import Iterable
from typing import Any


def limit_silence(listeners: Iterable[Any], seconds: float) -> None:
    """Cut off a sender that sends nothing, or reads no response, for so long.

    Accepted sockets inherit the time-outs. Without them a few dozen such senders would hold every
    thread for as long as they like.
    """
    whole, part = divmod(seconds, 1)
    timeout = struct.pack("ll", int(whole), int(part * 1_000_000))
    for listener in listeners:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)


def freeze_modules() -> None:
    """Keep the collector from the loaded modules before the master forks its workers.

    The workers share that memory. A collection writes into every object that it visits, so each
    worker would get a copy of its own.
    """
    gc.freeze()


def freeze_application() -> None:
    """Keep the collector from the application once a worker has made it, and have it run rarely.

    A request makes few objects that refer to each other; looking for them after every 700 new
    objects took a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
