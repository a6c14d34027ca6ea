"""The gunicorn worker: what has arrived whole is answered by one thread, all else by many.

gunicorn's gthread gives each request a thread, as it must where an application may wait for
anything. For a webhook, which waits for one commit that it shares with others, the threads cost
more than all that is done to admit it. So an application can name a beginning of paths whose
requests wait by app.cooperative alone: `answered_in_turn`. Such a request is answered by the
thread that polls, if it is small and there to its last byte. What is slow, large, chunked or
anything else gets a thread as ever.
"""

import errno
import os
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
from app.server.connection_counts import ConnectionCounts
from app.server.fast_parser import (
    Completeness,
    FastParser,
    FastRequest,
    part_of_request,
)
from app.server.fast_response import FastResponse, WsgiEnvironment, as_usual
from app.server.lingering_close import LingeringClose
from app.server.scheduler import GreenletScheduler

CYCLE_SECONDS = 0.05
"""How long requests that are under way are seen to, and all that comes in, before anything else."""
REST_SECONDS = 0.05
"""How soon the rest of a request must follow its beginning; else a thread waits for it."""
LET_PASS_SECONDS = 0.05
"""How long a new connection is left to another process that has fewer."""
GREEDY_SECONDS = 0.25
"""How long none is left to others after one was in vain: they may be hung."""
FULL = frozenset({errno.EMFILE, errno.ENFILE})
FULL_SECONDS = 0.5
"""How long no connection is taken when there is no file descriptor for one more."""
GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT, errno.EAGAIN})
"""How a sender leaves before it is answered: no word is lost on it."""

connection_counts = ConnectionCounts()
"""Of the workers of this master, which imports this module before it forks them."""


class CooperativeWorker(ThreadWorker):  # type: ignore[misc] # gunicorn says nothing of its types
    """gunicorn's gthread worker, with a short way for what has arrived whole."""

    def run(self) -> None:
        """Until the worker is told to stop, and what is under way is answered."""
        self._round = GreenletScheduler(self.method_queue.defer, self.poller, self._alone)
        self._begun: dict[Any, _PartialRequest] = {}
        self._lingering = LingeringClose(self.poller, self._close)
        self._let_pass_until: float | None = None
        self._greedy_until = 0.0
        self._full_until = 0.0
        self._beginning = self._named_beginning()
        self._reader = FastParser(self.cfg, self._beginning or b"")
        self._environment = WsgiEnvironment(self.cfg)
        self._as_usual = as_usual(self.cfg, self.log)
        super().run()
        self._round.close()

    def accept(self, listener: Any) -> None:
        """Whoever connects holds no thread before there is something to read."""
        if self._lets_pass():
            return
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.log.error("no connection is taken for %g s: %s", FULL_SECONDS, error)
            self._full_until = time.monotonic() + FULL_SECONDS
            self.set_accept_enabled(False)
            return
        self.nr_conns += 1
        connection_counts.note(self.age, self.nr_conns)
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.set_timeout()
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, selectors.EVENT_READ, readable)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Not while there is no room: who waits to be taken would keep us busy with nothing."""
        super().set_accept_enabled(enabled and time.monotonic() >= self._full_until)

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Its first request."""
        if not self._taken(conn, self.pending_conns):
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Another request on a connection that was kept."""
        if not self._taken(conn, self.keepalived_conns):
            super().on_client_socket_readable(conn, client)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """What came in together is worked on together."""
        connection_counts.note(self.age, self.nr_conns)
        self._look(timeout)
        until = time.monotonic() + CYCLE_SECONDS
        while self._round.under_way and self._has_room() and time.monotonic() < until:
            self._look(CYCLE_SECONDS)
        self._lingering.give_up()

    def _look(self, at_most: float) -> None:
        """Whatever is ready, or becomes so within this time, is answered as far as it goes."""
        ready = self.poller.select(self._patience_seconds(at_most))
        for key, _ in ready:
            key.data(key.fileobj)
        if self._begun:
            self._give_threads()
        self._round.end(quiet=not ready)

    def _alone(self) -> bool:
        return bool(self.nr_conns == 1)

    def _has_room(self) -> bool:
        return bool(self.nr_conns < self.worker_connections)

    def _patience_seconds(self, at_most: float) -> float:
        if self._round.gathering:
            return 0.0
        return REST_SECONDS if self._begun else at_most

    def finish_request(self, conn: Any, answered: Any) -> None:
        """A connection that is not kept is closed without waiting for its peer to let go."""
        if self._kept(answered) or self.cfg.is_ssl:
            super().finish_request(conn, answered)
        else:
            self._lingering.add(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Blame the sender for a Transfer-Encoding that nobody knows: 400, where gunicorn says 501.

        Anyone can cause it, and what is above 499 is our trouble: it wakes people up.
        """
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader(str(exc))
        super().handle_error(req, client, addr, exc)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def _lets_pass(self) -> bool:
        """Whether another process should take the connection that waits, and still may."""
        now = time.monotonic()
        if self.nr_conns <= connection_counts.fewest() or now < self._greedy_until:
            self._let_pass_until = None
            return False
        self._let_pass_until = self._let_pass_until or now + LET_PASS_SECONDS
        if now < self._let_pass_until:
            os.sched_yield()
            return True
        self._greedy_until = now + GREEDY_SECONDS
        return False

    def _named_beginning(self) -> bytes | None:
        """What a request begins with that is answered in turn; None where there is no such."""
        path = getattr(self.wsgi, "answered_in_turn", None)
        # TLS and HTTP/2 have more to read than what a socket shows
        plain = not self.cfg.is_ssl and self.cfg.http2_cleartext == "off"
        return f"POST {path}".encode() if path and plain else None

    def _taken(self, conn: Any, among: deque[Any]) -> bool:
        """Whether the connection needs no thread, at least for now."""
        if self._beginning is None:
            return False
        try:
            more = conn.sock.recv(SMALL_REQUEST_BYTES)
        except BlockingIOError:
            return True  # nothing to read after all
        except OSError:
            more = b""
        begun = self._begun.pop(conn, None) or _PartialRequest(among)
        begun.arrived += more
        arrived, plain, part = begun.arrived, None, Completeness.NONE
        if more:
            if self._as_usual and isinstance(conn.server, tuple):
                plain = self._reader.read(arrived, conn.client)
            part = Completeness.WHOLE if plain else part_of_request(arrived, self._beginning)
        if part is Completeness.BEGINNING and not begun.late:
            self._begun[conn] = begun
            return True
        if part is not Completeness.WHOLE:
            self._unread(conn, arrived)
            return False
        self.poller.unregister(conn.sock)
        among.remove(conn)
        self._round.answer(partial(self._answer, conn, arrived, plain))
        return True

    def _parser(self, conn: Any) -> Any:
        """gunicorn's, which each connection has though it may never read."""
        if not conn.initialized:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
            conn.initialized = True
        return conn.parser

    def _unread(self, conn: Any, arrived: bytes) -> None:
        """gunicorn's parser reads this first, whoever lets it."""
        self._parser(conn).unreader.unread(arrived)

    def _give_threads(self) -> None:
        """To those whose rest did not follow, if they are still there."""
        for conn, begun in list(self._begun.items()):
            if begun.late:
                del self._begun[conn]
                if conn in begun.among:
                    self.poller.unregister(conn.sock)
                    begun.among.remove(conn)
                    self._unread(conn, begun.arrived)
                    conn.data_ready = True
                    self.enqueue_req(conn)

    def _answer(self, conn: Any, arrived: bytes, plain: FastRequest | None) -> None:
        """As a thread would, save that nothing here waits for the sender."""
        request, keep = plain, False
        parser = self._parser(conn)
        try:
            if plain is not None:
                keep = self._answer_plain(conn, plain)
            else:
                parser.unreader.unread(arrived)
                request = next(parser)
                keep = self.handle_request(request, conn)
        except (StopIteration, NoMoreData):
            pass  # there is no request after all
        except OSError as error:
            if error.errno not in GONE:  # or it does not read its answers
                self.log.exception("Socket error processing request.")
        except Exception as error:
            with suppress(OSError):
                self.handle_error(request, conn.sock, conn.client, error)
        self.finish_request(conn, _FinishedRequest(keep))

    def _answer_plain(self, conn: Any, request: FastRequest) -> bool:
        """What gunicorn's `handle_request` does and returns: whether the connection is kept."""
        answer = FastResponse().of(self.wsgi, self._environment.of(request, conn))
        return answer.send(request, conn, self.cfg, keep=self._may_stay(request))

    def _may_stay(self, request: FastRequest) -> bool:
        """Whether its connection is kept; one request more is counted."""
        self.nr += 1
        if self.alive and self.nr >= self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.alive: bool = False
        room = len(self.keepalived_conns) < self.max_keepalived
        return bool(self.alive and self.cfg.keepalive and room and not request.should_close())

    def _kept(self, answered: Any) -> bool:
        with suppress(Exception):
            return not answered.cancelled() and bool(answered.result())
        return False


class _PartialRequest:
    """The beginning of a request, and where its connection is kept."""

    def __init__(self, among: deque[Any]) -> None:
        self.among = among
        self.arrived = b""
        self._until = time.monotonic() + REST_SECONDS

    @property
    def late(self) -> bool:
        return time.monotonic() >= self._until


class _FinishedRequest:
    """What a thread leaves behind when it has answered; here without the thread."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep

    def cancelled(self) -> bool:
        return False

    def result(self) -> bool:
        return self._keep
