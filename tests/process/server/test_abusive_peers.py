"""No bytes and no way to leave end a worker process, or leave a connection counted or open."""

import contextlib
import random
import signal
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.support.ledger import Ledger
from tests.support.service import Service, until
from tests.support.thorough import THOROUGH

PEERS = 10_000 if THOROUGH else 600
GRACEFUL_SECONDS = 120
CROWDED = f"--threads 2 --worker-connections 20 --graceful-timeout {GRACEFUL_SECONDS}"
HEAD = b"POST /api/triggers/webhook/1 HTTP/1.1\r\nHost: hooks\r\n"
PROBE = b"GET /healthz HTTP/1.1\r\nHost: hooks\r\n\r\n"

BEGINNINGS = (
    b"",
    b"GET /hea",
    HEAD + b"Content-Length: 100\r\n\r\n" + b"a" * 50,
    HEAD + b"Content-Length: 90000\r\n\r\n" + b"a" * 60_000,
    HEAD + b"Content-Length: 99999999\r\n\r\n" + PROBE,
    HEAD + b"Content-Length: 5\r\n\r\nhello" + PROBE * 3 + b"GET /",
    HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    PROBE + HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + PROBE,
    b"GET /openapi.json HTTP/1.1\r\nHost: hooks\r\n\r\n" * 10,
    b"GET /login HTTP/1.1\r\nHost: hooks\r\nConnection: close\r\n\r\n",
    b"\0\xff no request\n" * 300,
)


def reset(peer: socket.socket) -> None:
    """Close the connection at once, so that the receiver's next read or write fails."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def reset_soon(peer: socket.socket) -> None:
    time.sleep(random.random() / 100)
    reset(peer)


def reset_after_an_answer(peer: socket.socket) -> None:
    peer.shutdown(socket.SHUT_WR)
    peer.recv(100)
    reset(peer)


def close_after_an_answer(peer: socket.socket) -> None:
    peer.recv(1000)
    peer.close()


LEAVE: tuple[Callable[[socket.socket], None], ...] = (
    reset,
    socket.socket.close,
    reset_soon,
    reset_after_an_answer,
    close_after_an_answer,
)


def abuse(port: int, number: int) -> None:
    """Send one of the beginnings, and leave in one of the ways."""
    beginning = BEGINNINGS[number % len(BEGINNINGS)]
    leave = LEAVE[number // len(BEGINNINGS) % len(LEAVE)]
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as peer:
        peer.settimeout(0.3)
        peer.sendall(beginning)
        leave(peer)


@pytest.fixture
def kind() -> str:
    """Use SQLite only: few of the requests get as far as the database."""
    return "sqlite"


def test_abusive_peers_end_no_process_and_leave_nothing_behind(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=1, GUNICORN_CMD_ARGS=CROWDED, HOOKONCE_READ_SECONDS="0.5")
    sender = ledger.sender(gunicorn)
    (worker,) = gunicorn.children()
    for number in range(4):
        assert sender.post_event(f"before-{number}").acknowledged

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda number: abuse(gunicorn.port, number), range(PEERS)))

    assert sender.post_event("after").acknowledged
    assert gunicorn.children() == [worker]
    assert "Traceback" not in gunicorn.log()
    assert gunicorn.log().count("InvalidRequest") < PEERS / len(BEGINNINGS) / 2
    until(lambda: peers_of(worker, gunicorn.port) == 0, "the end of all connections")
    gunicorn.signal(signal.SIGTERM)
    began = time.monotonic()
    assert gunicorn.ended() == 0
    assert time.monotonic() - began < GRACEFUL_SECONDS / 2, (
        "it waited for connections that it had not counted out"
    )


def peers_of(worker: int, port: int) -> int:
    """Return the number of connections that the process has at its port."""
    return sum(
        each.laddr.port == port and bool(each.raddr)
        for each in psutil.Process(worker).net_connections("tcp")
    )
