"""Peers that send or read slowly, or not at all, hold no thread and take no other's place."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.ledger import Ledger
from tests.support.service import Gunicorn, Service, until
from tests.support.socket_sender import Sender, event, read

FOREVER = "600"
"""Seconds that a slow peer may take here: no test passes because it was cut off."""
ONE_THREAD = "--threads 1 --worker-connections 100"
LARGE = "x" * 40_000


@pytest.fixture
def kind() -> str:
    """Use SQLite: no peer gets as far as the database."""
    return "sqlite"


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 120)


def all_are_answered(gunicorn: Gunicorn, sender: Sender, name: str) -> None:
    """Send what needs the answering thread, a thread of the pool and the threads of the probes."""
    assert sender.post_event(f"small {name}").acknowledged
    assert sender.post(event(f"large {name}", more=LARGE)).acknowledged
    assert gunicorn.get("/login")[0] == 200
    for probe in ("/healthz", "/readyz"):
        assert gunicorn.get(probe)[0] == 200


@contextlib.contextmanager
def dripping(sender: Sender, count: int) -> Iterator[None]:
    """Send heads, bodies and chunks of which a byte comes now and then."""
    large = event("never-ends", more=LARGE)
    beginnings = [
        b"GET /healthz HTTP/1.1\r\nX-",
        b"POST /api/triggers HTTP/1.1\r\nHost",
        sender.head(large, f"Content-Length: {len(large)}"),
        sender.head(large, "Transfer-Encoding: chunked") + b"%x\r\n" % len(large),
    ]
    over = threading.Event()
    with ExitStack() as stack:
        peers = [stack.enter_context(connected(sender.port)) for _ in range(count)]
        for number, peer in enumerate(peers):
            peer.sendall(beginnings[number % len(beginnings)])

        def drip() -> None:
            while not over.wait(0.05):
                for peer in peers:
                    peer.sendall(b"a")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_senders_of_a_byte_now_and_then_hold_no_thread(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn(
        workers=1, GUNICORN_CMD_ARGS=ONE_THREAD, HOOKONCE_READ_SECONDS=FOREVER
    )
    sender = ledger.sender(gunicorn)

    with dripping(sender, 40):
        all_are_answered(gunicorn, sender, "in between")

    assert ledger.rows_by_key() == {"small in between": 1, "large in between": 1}


def test_more_silent_peers_than_connections_refuse_no_other(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(
        workers=1, GUNICORN_CMD_ARGS=ONE_THREAD, HOOKONCE_READ_SECONDS=FOREVER
    )
    sender = ledger.sender(gunicorn)

    with ExitStack() as stack, dripping(sender, 20):
        for _ in range(300):
            stack.enter_context(connected(sender.port))
        all_are_answered(gunicorn, sender, "in between")

    gunicorn.wait_for("other peers need a connection")
    assert "Traceback" not in gunicorn.log()


def deaf(port: int) -> socket.socket:
    """Request more than the socket buffers hold, and read nothing of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: hooks\r\n\r\n" * 100)
    return connection


def test_clients_that_do_not_read_their_response_hold_no_thread(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(
        workers=1, GUNICORN_CMD_ARGS=ONE_THREAD, HOOKONCE_READ_SECONDS=FOREVER
    )
    sender = ledger.sender(gunicorn)

    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(deaf(gunicorn.port))
        time.sleep(1.5)  # by now responses that nobody reads fill the sockets
        all_are_answered(gunicorn, sender, "in between")


def test_a_slow_peer_is_cut_off_in_the_end(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn(workers=1, HOOKONCE_READ_SECONDS="0.5")
    sender = ledger.sender(gunicorn)
    whole = sender.raw(event("never-ends"))

    with ExitStack() as stack:
        peers = [stack.enter_context(connected(gunicorn.port)) for _ in range(3)]
        reader = stack.enter_context(deaf(gunicorn.port))
        for peer, piece in zip(peers, (b"", whole[:30], whole[:-1]), strict=True):
            peer.sendall(piece)
        heard = [until(lambda p=peer: p.recv(65536) or b"end", "the end") for peer in peers]
        gunicorn.wait_for("the response was not read in time")
        reader.close()

    assert [each[:12] for each in heard] == [b"end", b"HTTP/1.1 408", b"HTTP/1.1 408"]
    assert ledger.count() == 0
    assert "Traceback" not in gunicorn.log()


def test_a_sender_may_ask_before_it_sends_a_large_body(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn(workers=1)
    sender = ledger.sender(gunicorn)
    body, oversize = event("asked", more=LARGE), 99_999_999

    with connected(gunicorn.port) as peer:
        peer.sendall(sender.head(body, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert peer.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(body)
        assert read(peer).acknowledged
    with connected(gunicorn.port) as peer:
        peer.sendall(sender.head(body, f"Content-Length: {oversize}", "Expect: 100-continue"))
        assert read(peer).status == 413

    assert ledger.rows_by_key() == {"asked": 1}
