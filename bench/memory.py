"""Measure whether the memory of a receiver grows under mixed traffic.

    python -m bench.memory [--requests 1000000] [--window 20000] [--kind sqlite]

One receiver process gets every kind of request that outsiders send, from many short connections.
The first requests warm up: threads start, each with a connection, and the caches of SQLite and of
queries fill. The slope after them is the growth.
"""

import argparse
import logging
import random
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from app import auth
from app.audit import Actor
from app.db import Database
from app.settings import from_environment
from bench import mixed
from bench.figures import markdown
from bench.mixed import MixedTraffic
from tests.support.databases import KINDS, Databases
from tests.support.service import Gunicorn, Service

CONNECTIONS = 48
"""Connections that have a request under way at the same time."""
CHURN = 0.05
"""Part of the connections that the sender closes after a response."""
BROKEN_OFF = 0.002
"""Part of the requests that end in the middle, with their connection."""
PATIENCE_SECONDS = 30.0
REST_SECONDS = 1.5
"""Seconds of rest before the memory is read: freed memory is given back once a second."""
WARM_UP = 100_000
"""Requests that are not counted."""
HEADINGS = ("database", "requests", "requests/s", "memory, MB", "growth, MB per 100,000")


@dataclass(frozen=True, slots=True)
class Window:
    """The memory of the process after so many requests."""

    requests: int
    per_second: float
    megabytes: float


def main() -> None:
    """Measure and print."""
    logging.disable(logging.INFO)
    options = _options()
    lines: list[tuple[object, ...]] = []
    databases = Databases(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    try:
        for kind in options.kind or KINDS:
            windows = []
            for window in measured(databases, kind, options.requests, options.window):
                windows.append(window)
                print(kind, _shown(window), flush=True)
            lines += [(kind, *_line(window, windows)) for window in windows[-1:]]
    finally:
        databases.remove()
    print(markdown(HEADINGS, lines))


def measured(
    databases: Databases, kind: str, requests: int, window: int, seed: int = 1
) -> Iterator[Window]:
    """Send the requests to a receiver with one process; yield its memory after each window."""
    directory = Path(tempfile.mkdtemp(prefix="hookonce-bench-"))
    with ExitStack() as stack:
        url = stack.enter_context(databases.at_head(kind))
        service = Service(directory, DATABASE_URL=url, HOOKONCE_LOG_LEVEL="INFO")
        stack.callback(service.remove)
        database = Database(from_environment({"DATABASE_URL": url}))
        stack.callback(database.dispose)
        token = auth.add_token(database, Actor("bench"), "bench", auth.VIEWER)[1]
        traffic = MixedTraffic(mixed.triggers(database), token, random.Random(seed))
        server = service.gunicorn(workers=1)
        (process,) = (psutil.Process(pid) for pid in server.children())
        crowd = Crowd(server, traffic)
        stack.callback(crowd.close)
        for end in range(window, requests + 1, window):
            began = time.perf_counter()
            crowd.send(window)
            seconds = time.perf_counter() - began
            time.sleep(REST_SECONDS)
            yield Window(end, window / seconds, _megabytes(process))


class Crowd:
    """Senders that have one request under way each."""

    def __init__(self, server: Gunicorn, traffic: MixedTraffic) -> None:
        self._port = server.port
        self._traffic = traffic
        self._random = random.Random(2)
        self._connections: list[socket.socket | None] = [None] * CONNECTIONS

    def send(self, requests: int) -> None:
        """Send so many requests and read the responses."""
        for _ in range(requests // CONNECTIONS):
            waiting = [self._send(index) for index in range(CONNECTIONS)]
            for index, connection in enumerate(waiting):
                if connection is not None and not self._is_kept(connection):
                    connection.close()
                    self._connections[index] = None

    def close(self) -> None:
        """Close every connection."""
        for connection in self._connections:
            if connection is not None:
                connection.close()

    def _send(self, index: int) -> socket.socket | None:
        request = self._traffic.request()
        connection = self._connections[index]
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", self._port), PATIENCE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[index] = connection
        broken_off = self._random.random() < BROKEN_OFF
        with suppress(ConnectionError):
            connection.sendall(request[: len(request) // 2] if broken_off else request)
        if broken_off:
            connection.close()
            self._connections[index] = None
        return self._connections[index]

    def _is_kept(self, connection: socket.socket) -> bool:
        with suppress(ConnectionError):
            return response_keeps(connection) and self._random.random() >= CHURN
        return False


def response_keeps(connection: socket.socket) -> bool:
    """Read one response; return whether its connection may be used again."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (piece := connection.recv(65_536)):
            return False
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lowered = head.lower()
    length = int(lowered.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    missing = length - len(body)
    while missing > 0:
        if not (piece := connection.recv(65_536)):
            return False
        missing -= len(piece)
    return b"connection: close" not in lowered and b"content-length" in lowered


def slope(windows: Sequence[Window]) -> float:
    """Return the growth in MB per 100,000 requests by least squares, without the warm-up."""
    counted = [window for window in windows if window.requests >= WARM_UP] or windows
    points = [(window.requests / 100_000, window.megabytes) for window in counted]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def _megabytes(process: psutil.Process) -> float:
    """Return the unique memory of the process, without that which it shares with its master."""
    return float(process.memory_full_info().uss) / 1_048_576


def _shown(window: Window) -> str:
    return f"{window.requests:>9,} requests {window.per_second:>7,.0f}/s {window.megabytes:7.1f} MB"


def _line(window: Window, windows: Sequence[Window]) -> tuple[object, ...]:
    rate = sum(each.per_second for each in windows) / len(windows)
    return window.requests, rate, window.megabytes, slope(windows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--window", type=int, default=20_000)
    parser.add_argument("--kind", action="append", choices=KINDS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
