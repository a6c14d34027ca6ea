"""The memory that hostile requests take in a receiver is bounded and is released."""

import itertools
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.ledger import Ledger
from tests.support.service import Gunicorn, Service
from tests.support.socket_sender import Answer, Sender, chunked, read
from tests.support.thorough import THOROUGH

LIMIT = 1024 * 1024
PARALLEL = 40
ROUNDS = 3
PATIENCE_SECONDS = 600.0
"""Seconds after which a request without another answer than 503 fails."""
PEAK_MIB = 512
"""Limit in MiB of one receiver process with forty such requests, as docs/receiving.md says."""
KEPT_MIB = 96
"""MiB that a process may keep after another eighty requests; the allocator's share levels off."""


def filled(start: str, unit: str, end: str) -> bytes:
    """Return a body at the limit, filled with units."""
    return (start + unit * ((LIMIT - len(start) - len(end)) // len(unit)) + end).encode()


HOSTILE = {
    "text at the limit": (filled('{"a": "', "x", '"}'), 200),
    "one list for every three bytes": (filled("[", "[],", "1]"), 200),
    "numbers": (filled("[", "1.5,", "1]"), 200),
    "60,000 names": (json.dumps({f"name {n}": n for n in range(45_000)}).encode()[:LIMIT], 200),
    "too deep": (b"[" * 500_000 + b"]" * 500_000, 400),
    "as deep as may be": (filled("[", "[" * 90 + "]" * 90 + ",", "1]"), 200),
    "escapes": (filled('{"a": "', "\\u0001", '"}'), 200),
    "cut off": (filled("[", "[],", ""), 400),
    "beyond the limit": (b"x" * (4 * LIMIT), 413),
}


def memory_mib(gunicorn: Gunicorn, what: str) -> float:
    """Return a memory value of the one worker: VmRSS is the current size, VmHWM the peak."""
    (pid,) = gunicorn.children()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{what}:"))
    return int(line.split()[1]) / 1024


def send(sender: Sender, body: bytes, in_chunks: bool) -> int:
    """Send the body, again if the receiver asks for that; return the status of the last answer.

    A busy machine may take longer for the large bodies before than a request waits for memory.
    """
    given_up_at = time.monotonic() + PATIENCE_SECONDS
    while (answer := send_once(sender, body, in_chunks)).status == 503:
        assert answer.retry_after
        assert time.monotonic() < given_up_at
    return answer.status


def send_once(sender: Sender, body: bytes, in_chunks: bool) -> Answer:
    length = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(body)}"
    pieces = chunked(body, 65_536) if in_chunks else [body]
    with socket.create_connection(("127.0.0.1", sender.port), PATIENCE_SECONDS) as connection:
        connection.sendall(sender.head(body, length))
        for piece in pieces:
            connection.sendall(piece)
        return read(connection)


@pytest.fixture
def kind() -> str:
    """Use SQLite only: the memory of a body does not depend on the database."""
    return "sqlite"


@pytest.mark.skipif(not THOROUGH, reason="it parses hundreds of megabytes")
def test_the_memory_that_hostile_requests_take_is_bounded(service: Service, ledger: Ledger) -> None:
    patient = {"HOOKONCE_DATABASE_TIMEOUT_SECONDS": "60", "HOOKONCE_READ_SECONDS": "60"}
    gunicorn = service.gunicorn(workers=1, **patient)
    sender = ledger.sender(gunicorn, "orders")
    kinds = itertools.cycle(itertools.product(HOSTILE.values(), (False, True)))
    held = []

    with ThreadPoolExecutor(PARALLEL) as pool:
        for _ in range(1 + ROUNDS):
            chosen = list(itertools.islice(kinds, PARALLEL))
            sent = pool.map(lambda each: send(sender, each[0][0], each[1]), chosen)
            answered = [status for (_, status), _ in chosen]
            assert list(sent) == answered
            held.append(memory_mib(gunicorn, "VmRSS"))

    assert held[-1] - held[1] < KEPT_MIB
    assert memory_mib(gunicorn, "VmHWM") < PEAK_MIB
