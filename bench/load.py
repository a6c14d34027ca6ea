"""The sender of the benchmark: one process, one epoll loop, requests built beforehand.

    python -m bench.load

Reads one order as JSON from each line of standard input and answers it with one line of JSON. It
signs enough requests for the order before the clock runs, keeps as many under way as it has
connections, and records how long each took and which events were acknowledged.
"""

import json
import select
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from bench import traffic

OK = b"HTTP/1.1 200"
RESPONSE_ENDS = (b'{"status": "ok"}', b'{"status":"ok"}\n')
"""Ends of a complete response: ours, and that of Flask."""
PATIENCE_SECONDS = 15.0
SIGNED_PER_SECOND = 15_000
"""Requests signed beforehand for each second; a faster receiver waits for further signing."""


@dataclass(frozen=True, slots=True)
class Order:
    """The kind and amount of traffic to send, and its target."""

    port: int
    connections: int
    seconds: float
    kind: str = traffic.UNIQUE
    first: int = 0
    """Position in the traffic at which to begin."""
    at_most: int = 10**9
    """Highest number of requests, even if there is time left."""


@dataclass(slots=True)
class Outcome:
    """The result of one order."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """CPU time of the sender itself."""
    sent: int = 0
    refused: int = 0
    """Requests with another status than 200."""
    broken: int = 0
    """Connections that ended without a response."""
    acknowledged: list[int] = field(default_factory=list)
    """Events that were answered 200, duplicates included."""
    microseconds: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Connection:
    """One connection, and the request under way on it."""

    socket: socket.socket
    event: int = 0
    sent_at: int = 0
    answer: bytes = b""
    alive: bool = True


def run(order: Order, requests: list[bytes]) -> Outcome:
    """Carry out the order; return once every response has come or its connection has ended."""
    outcome = Outcome()
    lines = {line.socket.fileno(): line for line in _connect(order)}
    poll = select.epoll()
    for number in lines:
        poll.register(number, select.EPOLLIN)
    cpu, began = time.process_time(), time.perf_counter()
    for line in lines.values():
        _send(line, order, requests, outcome)
    _talk(order, requests, outcome, lines, poll)
    outcome.seconds = time.perf_counter() - began
    outcome.cpu_seconds = time.process_time() - cpu
    poll.close()
    for line in lines.values():
        line.socket.close()
    return outcome


def make_ready(order: Order, requests: list[bytes]) -> None:
    """Sign the requests that the order may need and that are not signed yet."""
    foreseen = min(order.at_most, int(order.seconds * SIGNED_PER_SECOND))
    needed = traffic.events(order.kind, order.first + foreseen)
    requests.extend(traffic.request(event) for event in range(len(requests), needed))


def _talk(
    order: Order,
    requests: list[bytes],
    outcome: Outcome,
    lines: dict[int, _Connection],
    poll: select.epoll,
) -> None:
    until = time.perf_counter() + order.seconds
    left = len(lines)
    while left:
        ready = poll.poll(PATIENCE_SECONDS)
        if not ready:
            outcome.broken += left
            return
        more = time.perf_counter() < until
        for number, _ in ready:
            line = lines[number]
            if _finished(line, outcome):
                if line.alive and more and outcome.sent < order.at_most:
                    _send(line, order, requests, outcome)
                else:
                    poll.unregister(number)
                    left -= 1


def _send(line: _Connection, order: Order, requests: list[bytes], outcome: Outcome) -> None:
    event = traffic.number(order.kind, order.first + outcome.sent)
    while event >= len(requests):
        requests.append(traffic.request(len(requests)))
    line.event, line.answer = event, b""
    line.sent_at = time.perf_counter_ns()
    outcome.sent += 1
    with suppress(OSError):  # the next read finds the connection closed
        line.socket.sendall(requests[event])


def _finished(line: _Connection, outcome: Outcome) -> bool:
    """Return True if the response is complete, or the connection has ended."""
    try:
        piece = line.socket.recv(65536)
    except OSError:
        piece = b""
    line.answer += piece
    if line.answer.endswith(RESPONSE_ENDS) and line.answer.startswith(OK):
        outcome.microseconds.append((time.perf_counter_ns() - line.sent_at) // 1000)
        outcome.acknowledged.append(line.event)
        return True
    if not piece:
        outcome.broken += 1
        line.alive = False
        return True
    if line.answer.startswith(OK) or not is_complete(line.answer):
        return False
    outcome.refused += 1
    return True


def is_complete(answer: bytes) -> bool:
    """Return whether the response has arrived whole."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    return bool(separator) and len(body) >= int(length or 0)


def _connect(order: Order) -> list[_Connection]:
    lines = []
    for _ in range(order.connections):
        opened = socket.create_connection(("127.0.0.1", order.port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines.append(_Connection(opened))
    return lines


def main() -> None:
    """Carry out orders until standard input ends."""
    requests: list[bytes] = []
    for line in sys.stdin:
        order = Order(**json.loads(line))
        make_ready(order, requests)
        outcome = run(order, requests)
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
