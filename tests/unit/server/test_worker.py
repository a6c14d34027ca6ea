"""The worker tells its scheduler and the others about its connections, and makes room for more."""

import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from app.cooperative import SMALL_REQUEST_BYTES
from app.server import connections as module
from app.server.connection_counts import ConnectionCounts
from app.server.framing import Progress
from app.server.heap import HeapTrimmer
from app.server.incoming import Limits
from app.server.peer import Peer
from app.server.threads import ThreadChoice
from app.server.worker import CooperativeWorker


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> ConnectionCounts:
    """The shared counts, with another worker that has nine connections."""
    made = ConnectionCounts()
    made.note(2, 9)
    monkeypatch.setattr(module, "_shared_counts", made)
    return made


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A worker without sockets, as it is when gunicorn's own `run` would begin."""
    monkeypatch.setattr(ThreadWorker, "run", lambda _worker: None)
    made: Any = CooperativeWorker.__new__(CooperativeWorker)
    made.cfg, made.poller, made.wsgi = Config(), None, None
    made.log = Logger(made.cfg)
    made.method_queue = SimpleNamespace(defer=None)
    made.pending_conns, made.keepalived_conns, made.tpool = deque(), deque(), None
    made.age, made.alive, made.sockets, made._accepting = 1, True, [], False
    made.nr_conns, made.worker_connections = 0, 10
    made.run()
    return made


@pytest.mark.parametrize(("connections", "single"), [(1, True), (2, False)])
def test_the_scheduler_knows_whether_there_is_a_single_connection(
    worker: Any, connections: int, single: bool
) -> None:
    worker.nr_conns = connections

    assert worker._scheduler._has_single_connection() is single


def test_a_worker_that_accepts_connections_is_counted(
    counts: ConnectionCounts, worker: Any
) -> None:
    worker.set_accept_enabled(True)

    assert counts.fewest() == 0


def test_a_worker_that_accepts_no_more_is_forgotten_at_once(
    counts: ConnectionCounts, worker: Any
) -> None:
    worker.set_accept_enabled(True)
    worker.set_accept_enabled(False)

    assert counts.fewest() == 9


def test_a_worker_that_was_told_to_stop_does_not_count_itself_again(
    counts: ConnectionCounts, worker: Any
) -> None:
    worker.set_accept_enabled(True)
    worker.alive = False
    worker._note_connections()

    assert counts.fewest() == 9


def test_a_worker_without_file_descriptors_is_not_counted(
    counts: ConnectionCounts, worker: Any
) -> None:
    worker._accepts_again_at = time.monotonic() + 60
    worker.set_accept_enabled(True)

    assert counts.fewest() == 9


class Poller:
    """A poller that knows the sockets it should forget."""

    def __init__(self) -> None:
        self.forgotten: list[Any] = []

    def unregister(self, sock: Any) -> None:
        self.forgotten.append(sock)


def a_connection(name: str, closed: list[str]) -> Any:
    return SimpleNamespace(sock=name, client="", close=lambda: closed.append(name), timeout=0.0)


def test_the_peer_that_was_waited_for_longest_makes_room_and_an_idle_one_last(worker: Any) -> None:
    closed: list[str] = []
    silent, lingering, arriving, leaving, idle = (
        [a_connection(f"{kind} {number}", closed) for number in (1, 2)]
        for kind in ("silent", "lingering", "arriving", "leaving", "idle")
    )
    worker.poller, worker.nr_conns = Poller(), 10
    worker.pending_conns.extend(silent)
    worker._lingering.waiting.extend(lingering)
    worker._reader = SimpleNamespace(oldest=lambda: arriving.pop(0) if arriving else None)
    worker._sender = SimpleNamespace(oldest=lambda: leaving.pop(0) if leaving else None)
    worker.keepalived_conns.extend(idle)

    made = [worker._make_room() for _ in range(11)]

    kinds = ("silent", "lingering", "arriving", "leaving", "idle")
    assert closed == [f"{kind} {number}" for kind in kinds for number in (1, 2)]
    assert made == [True] * 10 + [False]
    assert worker.nr_conns == 0
    assert worker.poller.forgotten == [each for each in closed if each[0] in "si" or "ling" in each]


def test_without_descriptors_a_waiting_connection_is_closed_or_none_is_accepted(
    worker: Any,
) -> None:
    closed: list[str] = []
    worker.poller = Poller()
    worker.pending_conns.append(a_connection("silent", closed))

    worker._pause_accepting(OSError())
    assert closed == ["silent"]
    assert worker._accepts_again_at == 0.0
    worker._pause_accepting(OSError())

    assert worker._accepts_again_at > time.monotonic()


def test_a_stopping_worker_waits_no_longer_for_silent_peers_than_for_idle_ones(
    worker: Any,
) -> None:
    for queue in (worker.pending_conns, worker.keepalived_conns):
        queue.append(SimpleNamespace(timeout=99.0))

    worker._cap_keepalive(2.0)

    assert [worker.pending_conns[0].timeout, worker.keepalived_conns[0].timeout] == [2.0, 2.0]


@pytest.fixture
def polling(worker: Any) -> Iterator[Any]:
    """The worker with a poller of real sockets."""
    worker.poller = worker._sender._poller = worker._lingering._poller = selectors.DefaultSelector()
    worker._scheduler = SimpleNamespace(is_gathering=False, end_cycle=lambda **_: None)
    yield worker
    worker.poller.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def peer(worker: Any, sock: socket.socket) -> Peer:
    limits = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=1_000_000, seconds=5.0)
    return Peer(worker.cfg, sock, "", "", limits)


@pytest.mark.parametrize("is_watched_again", [False, True])
def test_an_event_of_a_connection_that_another_event_took_is_left_out(
    polling: Any, pair: tuple[socket.socket, socket.socket], is_watched_again: bool
) -> None:
    handled: list[socket.socket] = []

    def take(other: socket.socket, sock: socket.socket) -> None:
        handled.append(sock)
        polling.poller.unregister(other)
        if is_watched_again:
            polling.poller.register(other, selectors.EVENT_READ, handled.append)

    for sock, other in (pair, reversed(pair)):
        sock.send(b"a")
        polling.poller.register(sock, selectors.EVENT_READ, partial(take, other))
    polling._poll(0)

    assert len(handled) == 1


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("unsent", [b"", b"a" * 1_000_000])
def test_a_connection_that_server_code_closed_is_counted_once(
    polling: Any, pair: tuple[socket.socket, socket.socket], unsent: bytes, keep: bool
) -> None:
    conn = peer(polling, pair[0])
    polling.nr_conns, conn.keep = 1, keep
    conn.sock.sendall(unsent)
    conn.sock.close()

    polling._finish(conn)

    assert polling.nr_conns == 0
    assert not polling.keepalived_conns
    assert not polling._lingering.waiting
    assert polling._sender.oldest() is None


def test_a_refused_request_takes_no_memory_while_its_connection_lingers(
    polling: Any, pair: tuple[socket.socket, socket.socket]
) -> None:
    conn = peer(polling, pair[0])
    conn.keep = True  # as the request before this one
    conn.add(b"POST / HTTP/1.1\r\nContent-Length: 900000\r\n\r\n" + b"a" * 100_000)

    polling._refuse(conn, HTTPStatus.SERVICE_UNAVAILABLE)

    assert list(polling._lingering.waiting) == [conn]
    assert len(conn.incoming) == 0
    assert pair[1].recv(100).startswith(b"HTTP/1.1 503")


def test_an_answered_request_takes_no_memory(
    polling: Any, pair: tuple[socket.socket, socket.socket]
) -> None:
    conn = peer(polling, pair[0])
    conn.keep, conn.request = True, b"a" * 1_000
    polling._reader._large.kept_bytes = 1_500

    polling._finish(conn)

    assert polling._reader._large.kept_bytes == 500
    assert list(polling.keepalived_conns) == [conn]


@pytest.mark.parametrize(("alive", "seconds"), [(True, 15.0), (False, STOP_KEEPALIVE_LINGER)])
def test_a_stopping_worker_keeps_a_connection_for_a_moment(
    polling: Any, pair: tuple[socket.socket, socket.socket], alive: bool, seconds: float
) -> None:
    conn = peer(polling, pair[0])
    polling._keepalive_seconds = 15.0
    conn.keep, polling.alive = True, alive

    began = time.monotonic()

    polling._finish(conn)

    assert began + seconds <= conn.timeout <= time.monotonic() + seconds


def test_a_connection_that_sends_nothing_is_closed_when_its_peer_leaves(
    polling: Any, pair: tuple[socket.socket, socket.socket]
) -> None:
    conn = peer(polling, pair[0])
    polling.nr_conns = 1
    polling._await_first(conn)
    polling.on_pending_socket_readable(conn, conn.sock)
    assert list(polling.pending_conns) == [conn], "there was nothing to read"

    pair[1].close()
    polling._poll(0)

    assert (polling.nr_conns, len(polling.pending_conns)) == (0, 0)
    assert not polling.poller.get_map()


def test_connections_are_looked_at_for_those_that_take_too_long(polling: Any) -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    arriving, leaving, lingering = (peer(polling, ours) for ours, _ in pairs)
    polling.nr_conns, polling.worker_connections = 3, 10
    polling._reader._poller = polling.poller
    polling._reader.begin(arriving, b"POST")
    arriving.incoming.is_late = lambda _now: True  # type: ignore[method-assign]
    leaving.sock.sendall(b"a" * 1_000_000)
    leaving.sock.is_late = lambda *_: True
    polling._sender.send(leaving)
    polling._lingering.add(lingering)
    lingering.timeout = 0.0

    polling._close_late()

    assert pairs[0][1].recv(100).startswith(b"HTTP/1.1 408")
    assert list(polling._lingering.waiting) == [arriving]
    assert (leaving.sock.fileno(), lingering.sock.fileno()) == (-1, -1)
    assert polling.nr_conns == 1
    assert not polling._closed._counts, "they were logged"
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_a_worker_with_all_connections_taken_closes_one_that_waits(
    polling: Any, pair: tuple[socket.socket, socket.socket]
) -> None:
    polling.nr_conns = polling.worker_connections = 1
    polling._await_first(peer(polling, pair[0]))

    polling._close_late()

    assert polling.nr_conns == 0


@pytest.mark.parametrize(
    ("progress", "size", "thread"),
    [
        (Progress.WHOLE, 100, "answering"),
        (Progress.WHOLE, SMALL_REQUEST_BYTES, "pool"),
        (Progress.UNUSUAL, 100, "pool"),
    ],
)
def test_only_a_whole_and_small_webhook_is_answered_by_the_answering_thread(
    polling: Any,
    pair: tuple[socket.socket, socket.socket],
    progress: Progress,
    size: int,
    thread: str,
) -> None:
    threads: list[str] = []
    pool: Any = SimpleNamespace(submit=lambda *_: threads.append("pool") or Future())
    polling._threads = ThreadChoice(SimpleNamespace(cooperative_prefix="/hooks/"), pool)
    polling._scheduler.answer = lambda _request: threads.append("answering")
    conn = peer(polling, pair[0])
    conn.request = b"POST /hooks/1 HTTP/1.1\r\n\r\n".ljust(size)

    polling._answer_or_enqueue(conn, progress)

    assert threads == [thread]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("proxy_protocol", "auto"),
        ("http2_cleartext", "upgrade"),
        ("certfile", "a.pem"),
    ],
)
def test_what_is_not_plain_http_is_left_to_gunicorn(setting: str, value: str) -> None:
    cfg = Config()
    assert module._is_plain_http(cfg)

    cfg.set(setting, value)

    assert not module._is_plain_http(cfg)


class Listener:
    """A listener whose next connection is ready, or fails with an error."""

    def __init__(self, error: OSError | None, client: socket.socket) -> None:
        self._error = error
        self._client = client

    def accept(self) -> tuple[socket.socket, Any]:
        if self._error is not None:
            raise self._error
        return self._client, ("127.0.0.1", 1)

    def getsockname(self) -> Any:
        return ("127.0.0.1", 2)


@pytest.mark.parametrize("error", [BlockingIOError(), ConnectionAbortedError()])
def test_a_connection_that_is_gone_before_it_is_accepted_does_not_count(
    polling: Any, pair: tuple[socket.socket, socket.socket], error: OSError
) -> None:
    polling.accept(Listener(error, pair[0]))

    assert polling.nr_conns == 0
    assert not polling.pending_conns


def test_an_error_of_a_listener_is_no_lack_of_descriptors(
    polling: Any, pair: tuple[socket.socket, socket.socket]
) -> None:
    with pytest.raises(OSError, match="broken"):
        polling.accept(Listener(OSError(errno.EBADF, "broken"), pair[0]))


def test_the_last_connection_makes_room_for_the_next_one(
    polling: Any, pair: tuple[socket.socket, socket.socket]
) -> None:
    waiting, theirs = socket.socketpair()
    polling.nr_conns, polling.worker_connections = 1, 2
    silent = peer(polling, waiting)
    polling._await_first(silent)

    with waiting, theirs:
        polling.accept(Listener(None, pair[0]))

    assert silent.sock.fileno() == -1
    assert polling.nr_conns == 1
    assert [conn.client for conn in polling.pending_conns] == [("127.0.0.1", 1)]


@pytest.mark.parametrize("size", [SMALL_REQUEST_BYTES, SMALL_REQUEST_BYTES + 1])
def test_freed_memory_is_given_back_after_a_large_request(
    polling: Any, pair: tuple[socket.socket, socket.socket], size: int
) -> None:
    trims: list[str] = []
    polling._heap = HeapTrimmer(lambda: trims.append("trimmed"))
    conn = peer(polling, pair[0])
    conn.keep, conn.request = True, b"a" * size

    polling._finish(conn)
    polling._close_late()

    assert trims == ["trimmed"] * (size > SMALL_REQUEST_BYTES)
