"""The gunicorn worker: one thread reads all requests and answers small ones, a pool the others.

gunicorn's gthread gives each request a thread, which waits for the sender's bytes. A few dozen slow
senders, or readers of responses, would hold every thread. Here one thread reads the requests of all
connections as their bytes arrive, and sends what a peer did not take at once; a thread of the pool
gets a request that has arrived completely.

For a webhook, which waits for one commit that it shares with others, even such threads cost more
than admitting it does. So an application can name a path prefix, `cooperative_prefix`: a small POST
to such a path waits through app.cooperative alone, and the thread that reads it answers it too.

TLS, HTTP/2 and the proxy protocol are left to gunicorn's own worker: a proxy in front does them.
"""

import errno
import selectors
import time
from collections import deque
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import NoMoreData
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER

from app import cooperative
from app.server import poller, refusals
from app.server.connections import ConnectionWorker, request_limits
from app.server.fast_parser import FastParser, FastRequest
from app.server.fast_response import FastResponse, WsgiEnvironment, fast_path_allowed
from app.server.framing import Progress
from app.server.heap import HeapTrimmer
from app.server.peer import Peer
from app.server.request_reader import RequestReader
from app.server.response_sender import ResponseSender
from app.server.scheduler import GreenletScheduler
from app.server.threads import ThreadChoice

CYCLE_SECONDS = 0.05
"""Seconds for which new events and waiting requests are served before gunicorn's own chores."""
SENDER_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT})
"""Errors of a sender that left before its response was sent: no log."""
LOOK_SECONDS = 0.25
"""Seconds between two looks for peers that take too long."""
CLOSED_BECAUSE = {
    HTTPStatus.REQUEST_TIMEOUT: "the request did not arrive in time",
    HTTPStatus.SERVICE_UNAVAILABLE: "there is no memory left for more of the request",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "the head of the request is too large",
}


class CooperativeWorker(ConnectionWorker):
    """gunicorn's gthread worker, with a thread that reads all requests and answers small ones."""

    def run(self) -> None:
        """Serve until the worker is told to stop and the requests under way are answered."""
        self.poller: Any = poller.create()  # in place of gunicorn's, which has no file yet
        self._keepalive_seconds = float(self.cfg.keepalive)
        self._scheduler = GreenletScheduler(
            self.method_queue.defer, self.poller, self._has_single_connection
        )
        limits = request_limits(self.cfg, self.wsgi)
        self._reader = RequestReader(self.poller, limits, self._answer_or_enqueue, self._refuse)
        self._sender = ResponseSender(
            self.poller, limits.seconds, self._await_next, self._close_slow_reader
        )
        self._heap = HeapTrimmer()
        self._next_look = 0.0
        self._threads = ThreadChoice(self.wsgi, self.tpool)
        self._parser = FastParser(self.cfg, self._threads.prefix)
        self._environment = WsgiEnvironment(self.cfg)
        self._fast_path_allowed = fast_path_allowed(self.cfg, self.log)
        try:
            super().run()
        finally:  # also after a quick stop, which raises SystemExit here
            self._scheduler.close()
            self._threads.close()

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Read the first request of a connection."""
        if isinstance(conn, Peer):
            self._begin(conn, self.pending_conns)
        else:
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Read another request of a kept connection."""
        if isinstance(conn, Peer):
            self._begin(conn, self.keepalived_conns)
        else:
            super().on_client_socket_readable(conn, client)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Serve one cycle of events: requests that arrive together are answered together."""
        self._note_connections()
        # while a request waits for the database, its time limit is looked at often
        self._poll(CYCLE_SECONDS if self._scheduler.is_waiting else timeout)
        until = time.monotonic() + CYCLE_SECONDS
        while self._scheduler.is_waiting and self._may_accept() and time.monotonic() < until:
            self._poll(CYCLE_SECONDS)
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self._close_late()

    def _poll(self, at_most: float) -> None:
        """Handle the events that occur within so many seconds, up to where a request waits."""
        events = self.poller.select(0.0 if self._scheduler.is_gathering else at_most)
        registered = self.poller.get_map() if len(events) > 1 else None
        for key, _ in events:
            # an event before this one may have closed its connection, to make room for another
            if registered is None or registered.get(key.fd) is key:
                key.data(key.fileobj)
        self._scheduler.end_cycle(quiet=not events)

    def _close_late(self) -> None:
        self._lingering.close_expired()
        self._reader.refuse_late()
        self._sender.close_late()
        if not self._may_accept():
            self._make_room()
        self._closed.write()
        self._heap.trim_if_due()

    def _begin(self, conn: Peer, queue: deque[Any]) -> None:
        """Read the beginning of a request; `queue` is gunicorn's that holds the connection."""
        piece = conn.receive()
        if piece is None:
            return
        queue.remove(conn)
        self.poller.unregister(conn.sock)
        if not piece:
            self._close(conn)
            return
        conn.fast_request = self._fast_request(conn, piece)
        if conn.fast_request is None:
            self._reader.begin(conn, piece)
        else:
            self._scheduler.answer(partial(self._answer, conn))

    def _fast_request(self, conn: Peer, request: bytes) -> FastRequest | None:
        if self._fast_path_allowed and isinstance(conn.server, tuple):
            return self._parser.read(request, conn.client)
        return None

    def _answer_or_enqueue(self, conn: Peer, progress: Progress) -> None:
        """Answer a request that has arrived, or give it a thread."""
        conn.fast_request = self._fast_request(conn, conn.request)
        if progress is Progress.WHOLE and self._threads.is_cooperative(conn.request):
            self._scheduler.answer(partial(self._answer, conn))
        else:
            threads, arrived = self._threads.pool_for(conn.request), time.monotonic()
            answer = partial(self.handle, conn)
            answered = threads.submit(cooperative.arriving_at, arrived, answer)
            answered.add_done_callback(
                lambda answer: self.method_queue.defer(self.finish_request, conn, answer)
            )

    def _answer(self, conn: Peer) -> None:
        """Answer a request on the answering thread."""
        conn.keep = self.handle(conn)
        self._finish(conn)

    def handle(self, conn: Any) -> Any:
        """Answer a request; nothing here waits for the sender. Return whether to keep it."""
        if not isinstance(conn, Peer):
            return super().handle(conn)
        request: Any = conn.fast_request
        try:
            if request is not None:
                return self._answer_fast(conn, request)
            request = next(conn.parser)
            request._expected_100_continue = False  # the reader has sent it
            if not conn.is_whole:
                request.force_close()  # the rest of its body would be taken for a request
            return self.handle_request(request, conn) and conn.was_read_to_the_end()
        except (StopIteration, NoMoreData):
            pass  # gunicorn found no whole request in these bytes
        except OSError as error:
            if error.errno not in SENDER_GONE:
                self.log.exception("Socket error processing request.")
        except Exception as error:
            with suppress(OSError):
                self.handle_error(request, conn.sock, conn.client, error)
        return False

    def _answer_fast(self, conn: Peer, request: FastRequest) -> bool:
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
        return bool(self.alive and self._keepalive_seconds and room and not request.should_close())

    def finish_request(self, conn: Any, finished: Any) -> None:
        """Keep the connection, or close it without waiting for its peer."""
        keep = _keeps_connection(finished)
        if isinstance(conn, Peer):
            conn.keep = keep
            self._finish(conn)
        elif keep or self.cfg.is_ssl:
            super().finish_request(conn, finished)
        else:
            self._lingering.add(conn)

    def _finish(self, conn: Peer) -> None:
        """Send the rest of the response, if any, before the next request is read."""
        if self._reader.release(conn):
            self._heap.note_large()
        try:
            self._sender.send(conn)
        except (OSError, ValueError):  # the application's server code has closed the socket
            self._close(conn)

    def _await_next(self, conn: Peer) -> None:
        """Read the next request of a connection whose response was sent, or close it."""
        if not conn.keep:
            self._lingering.add(conn)
        elif conn.rest:
            self.method_queue.defer(self._reader.begin, conn, conn.take_rest())
        else:
            conn.timeout = time.monotonic() + self._keepalive_seconds
            if not self.alive:
                conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
            readable = partial(self.on_client_socket_readable, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, readable)
            self.keepalived_conns.append(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        """Answer what the application did not; neither log nor answer repeats the request."""
        status = refusals.status_of(exc)
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("A request failed in the server.", exc_info=exc)
        else:
            self._closed.count(f"a request was refused, {type(exc).__name__}", addr)
        client.sendall(refusals.response(status))

    def _refuse(self, conn: Peer, status: HTTPStatus) -> None:
        """Answer a request that did not arrive, and close its connection."""
        self._closed.count(CLOSED_BECAUSE[status], conn.client)
        conn.keep = False
        conn.forget_request()
        with suppress(OSError):
            conn.sock.sendall(refusals.response(status))
        self._sender.send(conn)

    def _take_slowest(self) -> Any:
        return self._reader.oldest() or self._sender.oldest()

    def _close_slow_reader(self, conn: Peer) -> None:
        self._closed.count("the response was not read in time", conn.client)
        self._close(conn)


def _keeps_connection(finished: Any) -> bool:
    with suppress(Exception):
        return not finished.cancelled() and bool(finished.result())
    return False
