"""Start the benchmark's sender, a process that takes orders, and measure its own limit."""

import json
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from bench import traffic
from bench.load import Order, Outcome
from tests.support.databases import ROOT


class Sender:
    """The sending process; it takes one order at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, order: Order) -> Outcome:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))

    def make_ready(self, kind: str, first: int, seconds: float) -> None:
        """Sign the requests of so many seconds before a measurement begins."""
        self(Order(port=0, connections=0, seconds=seconds, kind=kind, first=first))


@contextmanager
def sender() -> Iterator[Sender]:
    """Start the sending process; end it after the block."""
    command = [sys.executable, "-m", "bench.load"]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Sender(process)
        assert process.stdin is not None
        process.stdin.close()


def capability(send: Sender) -> str:
    """Return a line about the sender's rate to a server that answers without parsing."""
    with answering_at_once() as port:
        outcome = send(Order(port, 64, 2.0, traffic.DUPLICATE))
    rate = len(outcome.acknowledged) / outcome.seconds
    core = outcome.cpu_seconds / outcome.seconds
    return f"The sender alone: {rate:,.0f} requests/s, {core:.0%} of a core."


@contextmanager
def answering_at_once() -> Iterator[int]:
    """Yield the port of a server that answers at once, until its last client has gone."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        threading.Thread(target=_answer_at_once, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def _answer_at_once(listener: socket.socket) -> None:
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "ok"}'
    poll, lines = select.epoll(), {}
    poll.register(listener.fileno(), select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                line, _ = listener.accept()
                lines[line.fileno()] = line
                poll.register(line.fileno(), select.EPOLLIN)
            elif lines[number].recv(65536):
                lines[number].send(answer)
            else:
                poll.unregister(number)
                lines.pop(number).close()
                if not lines:
                    return
