"""The gunicorn worker: one thread answers small complete requests, a pool answers all others.

gunicorn's gthread gives each request a thread, as it must where an application may block. For a
webhook, which waits for one commit that it shares with others, the threads cost more than admitting
it does. So an application can name a path prefix, `cooperative_prefix`: a POST to such a path waits
through app.cooperative alone. The thread that polls answers such a request itself, if it is small
and its last byte has arrived. A slow, large, chunked or any other request gets a thread.
"""

import errno
import selectors
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import http
from gunicorn.http.errors import InvalidHeader, NoMoreData, UnsupportedTransferCoding
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.cooperative import SMALL_REQUEST_BYTES
from app.server.connection_counts import ConnectionBalancer, ConnectionCounts
from app.server.fast_parser import Completeness, FastParser, FastRequest, completeness
from app.server.fast_response import FastResponse, WsgiEnvironment, fast_path_allowed
from app.server.lingering_close import LingeringClose
from app.server.scheduler import GreenletScheduler

CYCLE_SECONDS = 0.05
"""Seconds for which new events and waiting requests are served before gunicorn's own chores."""
REST_SECONDS = 0.05
"""Seconds within which the rest of a request must follow its beginning; else a thread reads it."""
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
NO_DESCRIPTORS_SECONDS = 0.5
"""Seconds for which no connection is accepted after there was no file descriptor for one."""
SENDER_GONE = frozenset(
    {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT, errno.EAGAIN}
)
"""Errors of a sender that left, or does not read (EAGAIN), before its response was sent: no log."""

_shared_counts = ConnectionCounts()
"""The counts of the workers of this master, which imports this module before it forks them."""


def forget_worker(number: int) -> None:
    """Leave out a worker that ended, however it did: others would leave connections to it."""
    _shared_counts.forget(number)


class CooperativeWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's gthread worker, with a thread that answers small complete requests itself."""

    def run(self) -> None:
        """Serve until the worker is told to stop and the requests under way are answered."""
        self._scheduler = GreenletScheduler(
            self.method_queue.defer, self.poller, self._has_single_connection
        )
        self._partial: dict[Any, _PartialRequest] = {}
        self._lingering = LingeringClose(self.poller, self._close)
        self._balancer = ConnectionBalancer(_shared_counts, self.age)
        self._accepts_again_at = 0.0
        self._request_prefix = self._cooperative_request_prefix()
        self._parser = FastParser(self.cfg, self._request_prefix or b"")
        self._environment = WsgiEnvironment(self.cfg)
        self._fast_path_allowed = fast_path_allowed(self.cfg, self.log)
        super().run()
        self._scheduler.close()

    def accept(self, listener: Any) -> None:
        """Accept a connection; it gets no thread before there is something to read."""
        if self._balancer.leaves_to_another(self.nr_conns):
            return
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in NO_DESCRIPTORS:
                raise
            self.log.error("no connection is taken for %g s: %s", NO_DESCRIPTORS_SECONDS, error)
            self._accepts_again_at = time.monotonic() + NO_DESCRIPTORS_SECONDS
            self.set_accept_enabled(False)
            return
        self.nr_conns += 1
        self._note_connections()
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.set_timeout()
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, selectors.EVENT_READ, readable)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not; never while there are no file descriptors for them.

        A worker that does not accept is forgotten at once: others would leave connections to it.
        """
        super().set_accept_enabled(enabled and time.monotonic() >= self._accepts_again_at)
        self._note_connections()

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Answer the first request of a connection, or give it a thread."""
        if not self._keep_from_threads(conn, self.pending_conns):
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Answer another request of a kept connection, or give it a thread."""
        if not self._keep_from_threads(conn, self.keepalived_conns):
            super().on_client_socket_readable(conn, client)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Serve one cycle of events: requests that arrive together are answered together."""
        self._note_connections()
        self._poll(timeout)
        until = time.monotonic() + CYCLE_SECONDS
        while self._scheduler.is_waiting and self._may_accept() and time.monotonic() < until:
            self._poll(CYCLE_SECONDS)
        self._lingering.close_expired()

    def _poll(self, at_most: float) -> None:
        """Handle the events that occur within so many seconds, up to where a request waits."""
        events = self.poller.select(self._poll_seconds(at_most))
        for key, _ in events:
            key.data(key.fileobj)
        if self._partial:
            self._give_late_ones_threads()
        self._scheduler.end_cycle(quiet=not events)

    def _poll_seconds(self, at_most: float) -> float:
        if self._scheduler.is_gathering:
            return 0.0
        return REST_SECONDS if self._partial else at_most

    def _note_connections(self) -> None:
        self._balancer.note(self.nr_conns, accepting=self.alive and self._accepting)

    def _has_single_connection(self) -> bool:
        return bool(self.nr_conns == 1)

    def _may_accept(self) -> bool:
        return bool(self.nr_conns < self.worker_connections)

    def finish_request(self, conn: Any, finished: Any) -> None:
        """Keep the connection, or close it without waiting for its peer."""
        if _keeps_connection(finished) or self.cfg.is_ssl:
            super().finish_request(conn, finished)
        else:
            self._lingering.add(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer 400 to an unknown Transfer-Encoding, for which gunicorn answers 501.

        Anyone can send one, and a status above 499 counts as our failure: it alerts an operator.
        """
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader(str(exc))
        super().handle_error(req, client, addr, exc)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def _cooperative_request_prefix(self) -> bytes | None:
        """Return the first bytes of a request for the answering thread; None if there is none."""
        path = getattr(self.wsgi, "cooperative_prefix", None)
        # TLS and HTTP/2 hold bytes that the socket does not show
        readable = not self.cfg.is_ssl and self.cfg.http2_cleartext == "off"
        return f"POST {path}".encode() if path and readable else None

    def _keep_from_threads(self, conn: Any, queue: deque[Any]) -> bool:
        """Read what has arrived and answer it; return False if the connection needs a thread.

        `queue` is the one of gunicorn's queues that holds the connection.
        """
        if self._request_prefix is None:
            return False
        try:
            piece = conn.sock.recv(SMALL_REQUEST_BYTES)
        except BlockingIOError:
            return True  # there was nothing to read
        except OSError:
            piece = b""
        partial_request = self._partial.pop(conn, None) or _PartialRequest(queue)
        partial_request.arrived += piece
        arrived, request, extent = partial_request.arrived, None, Completeness.UNKNOWN
        if piece:
            if self._fast_path_allowed and isinstance(conn.server, tuple):
                request = self._parser.read(arrived, conn.client)
            extent = Completeness.WHOLE if request else completeness(arrived, self._request_prefix)
        if extent is Completeness.BEGINNING and not partial_request.is_late:
            self._partial[conn] = partial_request
            return True
        if extent is not Completeness.WHOLE:
            self._push_back(conn, arrived)
            return False
        self.poller.unregister(conn.sock)
        queue.remove(conn)
        self._scheduler.answer(partial(self._answer, conn, arrived, request))
        return True

    def _gunicorn_parser(self, conn: Any) -> Any:
        """Return gunicorn's parser of the connection, which may never have to read anything."""
        if not conn.initialized:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
            conn.initialized = True
        return conn.parser

    def _push_back(self, conn: Any, arrived: bytes) -> None:
        """Have gunicorn's parser read these bytes first, on whatever thread it runs."""
        self._gunicorn_parser(conn).unreader.unread(arrived)

    def _give_late_ones_threads(self) -> None:
        """Give threads to the requests whose rest did not follow, if their connections are open."""
        for conn, partial_request in list(self._partial.items()):
            if partial_request.is_late:
                del self._partial[conn]
                if conn in partial_request.queue:
                    self.poller.unregister(conn.sock)
                    partial_request.queue.remove(conn)
                    self._push_back(conn, partial_request.arrived)
                    conn.data_ready = True
                    self.enqueue_req(conn)

    def _answer(self, conn: Any, arrived: bytes, fast_request: FastRequest | None) -> None:
        """Answer as a thread would, except that nothing here waits for the sender."""
        request, keep = fast_request, False
        parser = self._gunicorn_parser(conn)
        try:
            if fast_request is not None:
                keep = self._answer_fast(conn, fast_request)
            else:
                parser.unreader.unread(arrived)
                request = next(parser)
                keep = self.handle_request(request, conn)
        except (StopIteration, NoMoreData):
            pass  # gunicorn found no request in these bytes
        except OSError as error:
            if error.errno not in SENDER_GONE:
                self.log.exception("Socket error processing request.")
        except Exception as error:
            with suppress(OSError):
                self.handle_error(request, conn.sock, conn.client, error)
        self.finish_request(conn, _FinishedRequest(keep))

    def _answer_fast(self, conn: Any, request: FastRequest) -> bool:
        """Do what gunicorn's `handle_request` does; return whether the connection is kept."""
        response = FastResponse().of(self.wsgi, self._environment.of(request, conn))
        return response.send(request, conn, self.cfg, keep=self._count_request(request))

    def _count_request(self, request: FastRequest) -> bool:
        """Count the request towards max_requests; return whether its connection may be kept."""
        self.nr += 1
        if self.alive and self.nr >= self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.alive: bool = False
        room = len(self.keepalived_conns) < self.max_keepalived
        return bool(self.alive and self.cfg.keepalive and room and not request.should_close())


class _PartialRequest:
    """The beginning of a request, and gunicorn's queue that holds its connection."""

    def __init__(self, queue: deque[Any]) -> None:
        self.queue = queue
        self.arrived = b""
        self._until = time.monotonic() + REST_SECONDS

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self._until


class _FinishedRequest:
    """The result of an answered request, in the form of the future that a thread would leave."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep

    def cancelled(self) -> bool:
        return False

    def result(self) -> bool:
        return self._keep


def _keeps_connection(finished: Any) -> bool:
    with suppress(Exception):
        return not finished.cancelled() and bool(finished.result())
    return False
