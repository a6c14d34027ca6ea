"""Measure what a refused request costs, compared with an accepted one.

    python -m bench.refusing [--seconds 1] [--repetitions 5] [--kind sqlite]

Windows alternate on one receiver: each kind of refused request right after accepted events, so
that other work of the machine slows both in the same way.
"""

import argparse
import logging
import select
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from app.db import Database
from app.intake.signatures import hmac_sha256_hex
from app.settings import from_environment
from bench import traffic
from bench.contestants import Contestant, Installation, Receiver
from bench.figures import markdown
from bench.load import is_complete
from tests.support.databases import KINDS

CONNECTIONS = 16
PATIENCE_SECONDS = 15.0
ACCEPTED = "accepted"
HEADINGS = (
    "database",
    "request",
    "requests/s",
    "of accepted",
    "server CPU, ms",
    "of accepted",
    "response",
)
BODY = b'{"event": "order.paid", "messageId": "m-1"}'
_numbers = count(1_000_000)

Maker = Callable[[int], bytes]
"""Function of a running number that returns a request."""


@dataclass(frozen=True, slots=True)
class Window:
    """The results of one kind of request within one window."""

    per_second: float
    cpu_ms: float
    response: str


def request(
    trigger_id: object, body: bytes = BODY, *headers: str, method: str = "POST", rest: str = ""
) -> bytes:
    """Return a request with these headers."""
    lines = (
        f"{method} /api/triggers/webhook/{trigger_id}{rest} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: bench/1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def signature(body: bytes, secret: str = traffic.SECRET) -> str:
    return f"X-Webhook-Signature: sha256={hmac_sha256_hex(secret, body)}"


REFUSED: dict[str, Maker] = {
    "unknown id, always another": lambda n: request(n, BODY, signature(BODY)),
    "unknown id, always the same": lambda _: request(999, BODY, signature(BODY)),
    "no id": lambda n: request(f"x{n}", BODY, signature(BODY)),
    "wrong signature": lambda n: request(1, BODY, signature(BODY, f"wrong {n}")),
    "no signature": lambda _: request(1),
    "disabled trigger": lambda _: request(2, BODY, signature(BODY)),
    "not JSON": lambda _: request(1, b"{", signature(b"{")),
    "compressed": lambda _: request(1, BODY, signature(BODY), "Content-Encoding: gzip"),
    "wrong method": lambda _: request(1, BODY, method="PUT"),
    "GET": lambda _: request(1, b"", method="GET"),
    "no such address": lambda n: request(1, b"", method="GET", rest=f"?{n}").replace(
        b"/api/triggers/webhook/", b"/nothing/"
    ),
}


def main() -> None:
    """Measure and print."""
    logging.disable(logging.INFO)
    options = _options()
    installation = Installation(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    lines: list[tuple[object, ...]] = []
    try:
        for kind in options.kind or KINDS:
            lines += measured(installation, kind, options)
    finally:
        installation.remove()
    print(markdown(HEADINGS, lines))


def measured(
    installation: Installation, kind: str, options: argparse.Namespace
) -> Iterator[tuple[object, ...]]:
    """Yield a line for each kind of request: the medians of its pairs of windows."""
    contestant = Contestant("receiver", "app.wsgi:application()", kind)
    chosen = {name: REFUSED[name] for name in options.only or REFUSED}
    pairs: dict[str, list[tuple[Window, Window]]] = {name: [] for name in chosen}
    with installation.database(contestant) as url:
        _disable_another(url)
        with installation.receiver(contestant, url) as receiver:
            for _ in range(options.repetitions):
                for name, make in chosen.items():
                    accepted = window(installation, receiver, contestant, _event, options.seconds)
                    refused = window(installation, receiver, contestant, make, options.seconds)
                    pairs[name].append((accepted, refused))
    every = [accepted for each in pairs.values() for accepted, _ in each]
    yield kind, ACCEPTED, *_medians([(each, each) for each in every]), every[0].response
    for name, each in pairs.items():
        yield kind, name, *_medians(each), each[0][1].response


def window(
    installation: Installation,
    receiver: Receiver,
    contestant: Contestant,
    make: Maker,
    seconds: float,
) -> Window:
    """Send requests for so many seconds."""
    requests = [make(next(_numbers)) for _ in range(int(seconds * 8_000))]
    cpu = sum(installation.cpu_seconds(receiver, contestant))
    began = time.perf_counter()
    answered, response = drive(receiver.port, requests, seconds)
    lasted = time.perf_counter() - began
    cpu = sum(installation.cpu_seconds(receiver, contestant)) - cpu
    return Window(answered / lasted, 1000 * cpu / answered, response)


def drive(port: int, requests: list[bytes], seconds: float) -> tuple[int, str]:
    """Keep a request under way on each connection; return the number and the last response."""
    poll, connections, received = select.epoll(), {}, {}
    rest, answered, response = iter(requests), 0, b""
    until = time.perf_counter() + seconds

    def send(connection: socket.socket) -> None:
        following = next(rest, None) if time.perf_counter() < until else None
        if following is None:
            poll.unregister(connection)
            connections.pop(connection.fileno()).close()
        else:
            connection.sendall(following)

    def connect() -> None:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections[connection.fileno()] = connection
        poll.register(connection, select.EPOLLIN)
        send(connection)

    for _ in range(CONNECTIONS):
        connect()
    while connections:
        for number, _ in poll.poll(PATIENCE_SECONDS):
            connection = connections[number]
            piece = connection.recv(65_536)
            whole = received.pop(number, b"") + piece
            if piece and not is_complete(whole):
                received[number] = whole
                continue
            answered, response = answered + bool(whole), whole or response
            if not piece or b"connection: close" in whole.lower():
                poll.unregister(connection)
                connections.pop(number).close()
                connect()
            else:
                send(connection)
    return answered, response.split(b" ", 2)[1].decode()


def _event(number: int) -> bytes:
    return traffic.request(number)


def _medians(pairs: list[tuple[Window, Window]]) -> tuple[float, float, float, float]:
    return (
        statistics.median(own.per_second for _, own in pairs),
        statistics.median(own.per_second / accepted.per_second for accepted, own in pairs),
        statistics.median(own.cpu_ms for _, own in pairs),
        statistics.median(own.cpu_ms / accepted.cpu_ms for accepted, own in pairs),
    )


def _disable_another(url: str) -> None:
    """Add a second trigger that is disabled."""
    database = Database(from_environment({"DATABASE_URL": url}))
    with database.writing() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO triggers (name, slug, source, action_type, action_payload, secret,"
                " enabled) VALUES ('off', 'off', 'custom', 'script', 'none', :secret, false)"
            ),
            {"secret": traffic.SECRET},
        )
    database.dispose()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--only", action="append", choices=list(REFUSED))
    return parser.parse_args()


if __name__ == "__main__":
    main()
