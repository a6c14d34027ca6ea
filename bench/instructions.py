"""Count the instructions that a receiver needs for one request.

    python -m bench.instructions [--against DIRECTORY] [--kind sqlite] [--requests 160]

Rates differ by 15 % from run to run on a machine with other work; these counts hardly do. valgrind
counts all instructions of one receiver process outside the kernel. `--against` counts those of
another checkout too, with the same packages. The database's server is not counted.
"""

import argparse
import logging
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy as sa

from bench import traffic
from bench.figures import markdown
from bench.load import is_complete
from tests.support.databases import KINDS, ROOT, Databases
from tests.support.service import LISTENING, environment, until

CONNECTIONS = (1, 16)
WARM_UP = 160
"""Requests of each kind before the count: caches fill and statements are prepared."""
PORTIONS = 5
"""Parts of the requests that are counted one by one; their median is the result.

Other threads of the process work once in a while, and then may double a part's instructions.
"""
START_SECONDS = 300.0
SLOWER = 50
"""Factor by which valgrind slows a process, and by which its clock is slowed too.

Work that is done once a second would otherwise count for fifty times as many requests.
"""
START = f"""
import sys, threading, time
now, sleep, wait = time.monotonic, time.sleep, threading.Event.wait
time.monotonic = lambda: now() / {SLOWER}
time.sleep = lambda seconds: sleep(seconds * {SLOWER})
threading.Event.wait = lambda event, seconds=None: wait(event, seconds and seconds * {SLOWER})
from gunicorn.app.wsgiapp import run
sys.argv = ["gunicorn", *sys.argv[1:]]
run()
"""
HEADINGS = ("database", "requests", "connections", "instructions", "before", "of before")
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
_TRIGGER = sa.text(
    "INSERT INTO triggers (name, slug, source, action_type, action_payload, secret)"
    " VALUES ('bench', 'bench', 'custom', 'script', 'none', :secret)"
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A directory with a version of the product."""

    directory: Path

    def environment(self, url: str) -> dict[str, str]:
        fixed = {"PYTHONPATH": str(self.directory), "PYTHONHASHSEED": "0", "DATABASE_URL": url}
        return environment(fixed)

    def prepare(self, url: str) -> None:
        """Migrate the database and add the trigger."""
        command = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(
            command, cwd=self.directory, env=self.environment(url), check=True, capture_output=True
        )
        engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.execute(_TRIGGER, {"secret": traffic.SECRET})
        engine.dispose()


class Counted:
    """A receiver with one process, whose instructions are counted."""

    def __init__(self, checkout: Checkout, url: str, directory: Path) -> None:
        self._directory = directory
        self._log = directory / "log"
        self._dumps = 0
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*self._valgrind(), sys.executable, "-c", START, *_OPTIONS],
                cwd=checkout.directory,
                env=checkout.environment(url),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(self._serves, f"a worker under valgrind, see {self._log}", START_SECONDS)
        match = LISTENING.search(self._log.read_text())
        assert match, self._log.read_text()
        self.port = int(match[1])
        (self._worker,) = psutil.Process(self._process.pid).children()

    def _valgrind(self) -> list[str]:
        files = f"--callgrind-out-file={self._directory}/counts.%p"
        # a fork takes our commands only if children are traced
        options = ["--trace-children=yes", "--instr-atstart=no"]
        return ["valgrind", "-q", "--tool=callgrind", files, *options]

    def _serves(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        return "serving" in self._log.read_text()

    def begin(self) -> None:
        """Count from here on."""
        self._control("instrumentation", "on")
        self._control("zero")

    def end(self) -> int:
        """Return the instructions since `begin`."""
        self._control("dump")
        self._dumps += 1
        file = self._directory / f"counts.{self._worker.pid}.{self._dumps}"
        return until(lambda: _total(file), f"a total in {file}")

    def _control(self, *command: str) -> None:
        vgdb = ["vgdb", f"--pid={self._worker.pid}", *command]
        subprocess.run(vgdb, check=True, capture_output=True, timeout=START_SECONDS)

    def halt(self) -> None:
        """Halt the worker."""
        self._worker.suspend()

    def go_on(self) -> None:
        """Let the worker run again."""
        self._worker.resume()

    def stop(self) -> None:
        """End both processes."""
        self._worker.send_signal(signal.SIGKILL)
        self._process.kill()
        self._process.wait()


def _total(file: Path) -> int:
    """Return the total of a dump; 0 while valgrind is still writing it."""
    match = _TOTAL.search(file.read_text())
    return int(match[1]) if match else 0


_OPTIONS = ("-b", "127.0.0.1:0", "-w", "1", "--timeout", "0")
"""Options of gunicorn; no worker is ended because it is slow."""


class Sender:
    """Connections on which requests are sent together, one on each."""

    def __init__(self, receiver: Counted, count: int) -> None:
        self._receiver = receiver
        address = ("127.0.0.1", receiver.port)
        self._connections = [socket.create_connection(address) for _ in range(count)]
        for connection in self._connections:
            connection.settimeout(START_SECONDS)

    def send(self, events: Sequence[int]) -> None:
        """Send a request for each event; return once each is answered 200.

        The receiver is halted meanwhile, so that it always finds the same requests together.
        """
        count = len(self._connections)
        for first in range(0, len(events), count):
            pairs = list(zip(self._connections, events[first : first + count], strict=False))
            self._receiver.halt()
            for connection, event in pairs:
                connection.sendall(traffic.request(event))
            self._receiver.go_on()
            for connection, _ in pairs:
                require_ok(connection)

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()


def require_ok(connection: socket.socket) -> None:
    """Read one response, which must be 200."""
    received = b""
    while not is_complete(received):
        piece = connection.recv(65_536)
        assert piece, "the receiver closed a connection"
        received += piece
    assert received.startswith(b"HTTP/1.1 200"), received


def counts(receiver: Counted, requests: int) -> Iterator[tuple[str, int, float]]:
    """Yield for each kind of request and number of connections the instructions of one."""
    next_event = 1
    for connections in CONNECTIONS:
        sender = Sender(receiver, connections)
        new = range(next_event, next_event + WARM_UP + requests)
        known = range(next_event, next_event + WARM_UP)
        next_event = new.stop
        sender.send(new[:WARM_UP])
        for kind, events in ((traffic.UNIQUE, new[WARM_UP:]), (traffic.DUPLICATE, known)):
            if kind == traffic.DUPLICATE:
                sender.send(known)
            portions = [counted(receiver, sender, each) for each in _portions(events, requests)]
            yield kind, connections, statistics.median(portions)
        sender.close()


def counted(receiver: Counted, sender: Sender, events: Sequence[int]) -> float:
    """Return the instructions of one of these requests."""
    receiver.begin()
    sender.send(events)
    return receiver.end() / len(events)


def _portions(events: Sequence[int], requests: int) -> Iterator[list[int]]:
    size = requests // PORTIONS
    for first in range(0, size * PORTIONS, size):
        yield [events[number % len(events)] for number in range(first, first + size)]


def measured(
    checkout: Checkout, databases: Databases, kind: str, requests: int
) -> Iterator[tuple[str, int, float]]:
    """Count on a new database of this kind."""
    with ExitStack() as stack:
        url = stack.enter_context(databases.empty(kind))
        checkout.prepare(url)
        receiver = Counted(checkout, url, Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
        stack.callback(receiver.stop)
        yield from counts(receiver, requests)


def main() -> None:
    """Count, compare and print."""
    logging.disable(logging.INFO)
    options = _options()
    databases = Databases(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    lines: list[tuple[object, ...]] = []
    try:
        for kind in options.kind or KINDS:
            ours = list(measured(Checkout(ROOT), databases, kind, options.requests))
            theirs = ours
            if options.against:
                before = Checkout(options.against.resolve())
                theirs = list(measured(before, databases, kind, options.requests))
            for (name, connections, count), (_, _, other) in zip(ours, theirs, strict=True):
                lines.append((kind, name, connections, count, other, count / other))
                print(*lines[-1], flush=True)
    finally:
        databases.remove()
    print(markdown(HEADINGS, lines))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="another checkout of the repository")
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--requests", type=int, default=160)
    return parser.parse_args()


if __name__ == "__main__":
    main()
