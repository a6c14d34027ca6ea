"""The gunicorn worker: what has arrived whole is answered by one thread, all else by many.

gunicorn's gthread gives each request a thread, as it must where an application may wait for
anything. For a webhook, which waits for one commit that it shares with others, the threads cost
more than all that is done to admit it. So an application can name a beginning of paths whose
requests wait by app.waiting alone: `answered_in_turn`. Such a request is answered by the thread
that polls, if it is small and there to its last byte. What is slow, large, chunked or anything else
gets a thread as ever.
"""

import os
import selectors
import socket
import time
from collections import deque
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Any

from gunicorn import http
from gunicorn.http.errors import InvalidHeader, NoMoreData, UnsupportedTransferCoding
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.census import Census
from app.waiting import Round

WHOLE_BYTES = 16_384
"""Of the largest request that is answered in turn: none waits long for its neighbour's."""
REST_SECONDS = 0.05
"""How soon the rest of a request must follow its beginning; else a thread waits for it."""
LINGER_SECONDS = 2.0
"""How long a peer has to let go of a connection that we have closed."""
LET_PASS_SECONDS = 0.05
"""How long a new connection is left to another process that has fewer."""
GREEDY_SECONDS = 0.25
"""How long none is left to others after one was in vain: they may be hung."""

census = Census()
"""Of the workers of this master, which imports this module before it forks them."""


class Receiver(ThreadWorker):  # type: ignore[misc] # gunicorn says nothing of its types
    """gunicorn's gthread worker, with a short way for what has arrived whole."""

    def run(self) -> None:
        """Until the worker is told to stop, and what is under way is answered."""
        self._round = Round(self.method_queue.defer)
        self._begun: dict[Any, _Begun] = {}
        self._lingering: deque[Any] = deque()
        self._let_pass_until: float | None = None
        self._greedy_until = 0.0
        self._beginning = self._named_beginning()
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
        self.nr_conns += 1
        census.note(self.age, self.nr_conns)
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.set_timeout()
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, selectors.EVENT_READ, readable)

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
        census.note(self.age, self.nr_conns)
        super().wait_for_and_dispatch_events(REST_SECONDS if self._begun else timeout)
        if self._begun:
            self._give_threads()
        while self._lingering and self._lingering[0].timeout <= time.monotonic():
            self._let_go(self._lingering[0])
        self._round.end()

    def finish_request(self, conn: Any, answered: Any) -> None:
        """A connection that is not kept is closed without waiting for its peer to let go."""
        if self._kept(answered) or self.cfg.is_ssl:
            super().finish_request(conn, answered)
            return
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._lingering.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Blame the sender for a Transfer-Encoding that nobody knows: 400, where gunicorn says 501.

        Anyone can cause it, and what is above 499 is our trouble: it wakes people up.
        """
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader(str(exc))
        super().handle_error(req, client, addr, exc)

    def _drain(self, conn: Any, client: Any) -> None:
        """What still comes is thrown away: left unread, it would have our answer thrown away.

        https://www.rfc-editor.org/rfc/rfc9112#section-9.6
        """
        with suppress(BlockingIOError):
            try:
                if client.recv(WHOLE_BYTES):
                    return
            except ConnectionError:
                pass
            self._let_go(conn)

    def _let_go(self, conn: Any) -> None:
        self._lingering.remove(conn)
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def _lets_pass(self) -> bool:
        """Whether another process should take the connection that waits, and still may."""
        now = time.monotonic()
        if self.nr_conns <= census.fewest() or now < self._greedy_until:
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
            more = conn.sock.recv(WHOLE_BYTES)
        except BlockingIOError:
            return True  # nothing to read after all
        except OSError:
            more = b""
        begun = self._begun.pop(conn, None) or _Begun(among)
        begun.arrived += more
        arrived, ended = begun.arrived, not more
        part = Part.NONE if ended else part_of_request(arrived, self._beginning)
        if part is Part.BEGINNING and not begun.late:
            self._begun[conn] = begun
            return True
        self._unread(conn, arrived)
        if part is not Part.WHOLE:
            return False
        self.poller.unregister(conn.sock)
        among.remove(conn)
        self._round.answer(partial(self._answer, conn))
        return True

    def _unread(self, conn: Any, arrived: bytes) -> None:
        """gunicorn's parser reads this first, whoever lets it."""
        if not conn.initialized:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
            conn.initialized = True
        conn.parser.unreader.unread(arrived)

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

    def _answer(self, conn: Any) -> None:
        """As a thread would, save that nothing here waits for the sender."""
        request, keep = None, False
        try:
            request = next(conn.parser)
            keep = self.handle_request(request, conn)
        except (StopIteration, NoMoreData, OSError):
            pass  # the sender is gone, or does not read its answers: the connection is closed
        except Exception as error:
            with suppress(OSError):
                self.handle_error(request, conn.sock, conn.client, error)
        self.finish_request(conn, _Answered(keep))

    def _kept(self, answered: Any) -> bool:
        with suppress(Exception):
            return not answered.cancelled() and bool(answered.result())
        return False


class _Begun:
    """The beginning of a request, and where its connection is kept."""

    def __init__(self, among: deque[Any]) -> None:
        self.among = among
        self.arrived = b""
        self._until = time.monotonic() + REST_SECONDS

    @property
    def late(self) -> bool:
        return time.monotonic() >= self._until


class _Answered:
    """What a thread leaves behind when it has answered; here without the thread."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep

    def cancelled(self) -> bool:
        return False

    def result(self) -> bool:
        return self._keep


class Part(Enum):
    """How much of a request that can be answered in turn some bytes are."""

    WHOLE = "from its first byte to its last"
    BEGINNING = "the rest is yet to come"
    NONE = "something else, or there is a doubt: a thread reads it in gunicorn's own way"


def part_of_request(arrived: bytes, beginning: bytes) -> Part:
    """What these bytes are of one request that begins so, has a short body and says how short."""
    if not arrived or len(arrived) >= WHOLE_BYTES or not _begins(arrived, beginning):
        return Part.NONE
    head, ended, body = arrived.partition(b"\r\n\r\n")
    if not ended:
        return Part.BEGINNING
    length = _announced(head.lower())
    if length is None or length < len(body):
        return Part.NONE
    return Part.WHOLE if length == len(body) else Part.BEGINNING


def _begins(arrived: bytes, beginning: bytes) -> bool:
    return arrived.startswith(beginning[: len(arrived)])


def _announced(head: bytes) -> int | None:
    """The length of the body, where nothing else is said of it."""
    if any(name in head for name in (b"\r\ntransfer-encoding", b"\r\nexpect", b"\r\nupgrade")):
        return None
    _before, named, after = head.partition(b"\r\ncontent-length:")
    if not named or b"\r\ncontent-length:" in after:
        return None
    length = after.partition(b"\r\n")[0].strip()
    return int(length) if length.isdigit() and len(length) < len(str(WHOLE_BYTES)) + 1 else None
