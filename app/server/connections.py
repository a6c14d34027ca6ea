"""The connections of a gunicorn worker: accept, count and close them, and always have a free one.

Anyone can open connections and send nothing. So if all are taken, the one that has waited longest
for its peer is closed: an honest peer is hardly ever waited for.
"""

import errno
import selectors
import socket
import time
from collections import deque
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from app import settings
from app.server.closed_log import ClosedLog
from app.server.connection_counts import ConnectionBalancer, ConnectionCounts
from app.server.incoming import Limits
from app.server.lingering_close import LingeringClose
from app.server.peer import Peer

NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
NO_DESCRIPTORS_SECONDS = 0.5
"""Seconds for which no connection is accepted after there was no file descriptor for one."""
LARGEST_BODY_BYTES = 1_048_576
"""Bytes of the largest body that is read for an application that sets no `largest_body_bytes`."""

_shared_counts = ConnectionCounts()
"""Connections of each worker process; the master imports this module before it forks them."""


def forget_worker(number: int) -> None:
    """Leave out a worker that ended, however it did: others would leave connections to it."""
    _shared_counts.forget(number)


class ConnectionWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's gthread worker, which always has a connection for an honest peer."""

    def run(self) -> None:
        """Serve until the worker is told to stop and the requests under way are answered."""
        self._lingering = LingeringClose(self.poller, self._close)
        self._balancer = ConnectionBalancer(_shared_counts, self.age)
        self._closed = ClosedLog(self.log)
        self._limits = request_limits(self.cfg, self.wsgi)
        self._reads_itself = _is_plain_http(self.cfg)
        self._accepts_again_at = 0.0
        super().run()

    def accept(self, listener: Any) -> None:
        """Accept a connection; it takes a thread only once its request has arrived."""
        if self._balancer.leaves_to_another(self.nr_conns):
            return
        if self.nr_conns >= self.worker_connections - 1:
            self._make_room()
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in NO_DESCRIPTORS:
                raise
            self._pause_accepting(error)
            return
        self.nr_conns += 1
        self._note_connections()
        self._await_first(self._connection(client, address, listener.getsockname()))

    def _connection(self, client: socket.socket, address: Any, server: Any) -> TConn:
        if self._reads_itself:
            return Peer(self.cfg, client, address, server, self._limits)
        return TConn(self.cfg, client, address, server)

    def _await_first(self, conn: TConn) -> None:
        conn.timeout = time.monotonic() + self._limits.seconds
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)

    def _pause_accepting(self, error: OSError) -> None:
        """Close a connection that waits for its peer, or accept none for a moment."""
        if self._make_room():
            return
        self.log.error("no connection is taken for %g s: %s", NO_DESCRIPTORS_SECONDS, error)
        self._accepts_again_at = time.monotonic() + NO_DESCRIPTORS_SECONDS
        self.set_accept_enabled(False)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not; never while there are no file descriptors for them.

        A worker that does not accept is forgotten at once: others would leave connections to it.
        """
        super().set_accept_enabled(enabled and time.monotonic() >= self._accepts_again_at)
        self._note_connections()

    def _note_connections(self) -> None:
        self._balancer.note(self.nr_conns, accepting=self.alive and self._accepting)

    def _has_single_connection(self) -> bool:
        return bool(self.nr_conns == 1)

    def _may_accept(self) -> bool:
        return bool(self.nr_conns < self.worker_connections)

    def _make_room(self) -> bool:
        """Close the connection that has waited longest for its peer; return whether there is one.

        A connection whose request is being answered is never closed.
        """
        conn = (
            self._take_oldest(self.pending_conns)
            or self._take_oldest(self._lingering.waiting)
            or self._take_slowest()
            or self._take_oldest(self.keepalived_conns)
        )
        if conn is None:
            return False
        self._closed.count("other peers need a connection", conn.client)
        self._close(conn)
        return True

    def _take_oldest(self, queue: deque[Any]) -> TConn | None:
        """Return the first connection of the queue, which waits no longer; None if it is empty."""
        if not queue:
            return None
        conn = queue.popleft()
        self.poller.unregister(conn.sock)
        return conn

    def _take_slowest(self) -> TConn | None:
        """Return the connection whose request or response has taken longest; None if none does."""
        raise NotImplementedError

    def _cap_keepalive(self, deadline: float) -> None:
        """Close idle connections by the deadline, also those that have sent nothing yet."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def request_limits(cfg: Any, application: Any) -> Limits:
    """Return the limits of a request that the operator and the application set."""
    chosen = settings.from_environment()
    return Limits(
        line_bytes=cfg.limit_request_line or chosen.hookonce_max_head_bytes,
        head_bytes=chosen.hookonce_max_head_bytes,
        body_bytes=getattr(application, "largest_body_bytes", LARGEST_BODY_BYTES),
        seconds=chosen.hookonce_read_seconds,
    )


def _is_plain_http(cfg: Any) -> bool:
    """Return whether a socket holds requests and nothing else."""
    off = cfg.http2_cleartext == cfg.proxy_protocol == "off"
    return bool(off and cfg.protocol == "http" and not cfg.is_ssl)
