"""A log that nobody reads stops neither the receiver nor the worker; lost lines are counted."""

import http.client
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import auth
from app.audit import Actor
from app.db import Database
from tests.support import factories
from tests.support.ledger import Ledger
from tests.support.samples import SECRET
from tests.support.service import DEADLINE_SECONDS, Running, until
from tests.support.socket_sender import Sender, read
from tests.support.thorough import THOROUGH

LONG_ID = "9" * 3_900
"""Id that makes the line about a refused request as long as a request line can be."""
REFUSED = 1_400
"""Such requests that two processes can only log in part: each keeps a bit more than 1 MiB."""
LINE = re.compile(r"at=\d{4}-\S+ level=\w+ .*|\[\d{4}-.*\] \[\d+\] \[\w+\] .*|127\.0\.0\.1 - - .*")
DROPPED = re.compile(r"evt=log_lines_dropped number=(\d+) detail=\"(\d+) log lines were dropped")


class UnreadPipe:
    """A named pipe, already full of lines, that nobody reads until `lines` is called."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(writer, b"." * 1_023 + b"\n")
        except BlockingIOError:
            os.close(writer)

    def lines(self, wanted: re.Pattern[str]) -> list[str]:
        """Read until a line matches; return the lines without those that filled the pipe."""
        received = b""

        def found() -> bool:
            nonlocal received
            try:
                received += os.read(self._reader, 1_048_576)
            except BlockingIOError:
                return False
            return bool(wanted.search(received.rpartition(b"\n")[0].decode()))

        until(found, wanted.pattern)
        lines = received.rpartition(b"\n")[0].decode().split("\n")
        return [line for line in lines if not line.startswith("....")]

    def close(self) -> None:
        os.close(self._reader)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[UnreadPipe]:
    made = UnreadPipe(tmp_path / "pipe")
    yield made
    made.close()


def start(pipe: UnreadPipe, url: str, *command: str, **settings: str) -> Running:
    return Running(pipe.path, *command, DATABASE_URL=url, HOOKONCE_COUNTS_SECONDS="0.2", **settings)


def get(port: int, path: str, token: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def healthy(port: int) -> bool:
    try:
        return get(port, "/healthz")[0] == 200
    except ConnectionError:
        return False


def refuse(port: int, number: int) -> None:
    """Send requests whose refusal is a long line."""
    for _ in range(number // 50):
        with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as connection:
            request = f"POST /api/triggers/webhook/{LONG_ID} HTTP/1.1\r\nHost: a\r\n"
            for _ in range(50):
                connection.sendall(f"{request}Content-Length: 2\r\n\r\n{{}}".encode())
                assert read(connection).status == 401


@pytest.mark.parametrize(
    "options", [(), *([("--access-logfile", each) for each in ("/dev/stdout", "-")] * THOROUGH)]
)
def test_a_log_that_nobody_reads_stops_no_answer(
    database: Database, database_url: str, pipe: UnreadPipe, options: tuple[str, ...]
) -> None:
    token = auth.add_token(database, Actor("a test"), "a viewer", auth.VIEWER)[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sender = Sender(port, factories.trigger(database), SECRET)
    address = f"127.0.0.1:{port}"
    gunicorn = start(pipe, database_url, "gunicorn", "-b", address, "-w", "2", *options)
    try:
        until(lambda: healthy(port), "an answer from /healthz")
        refuse(port, REFUSED)
        began = time.monotonic()

        assert sender.post_event("an event").acknowledged
        assert get(port, "/healthz")[0] == 200
        assert get(port, "/api/triggers", token)[0] == 200
        assert time.monotonic() - began < DEADLINE_SECONDS / 2

        lines = pipe.lines(DROPPED)
        assert [line for line in lines if not LINE.fullmatch(line)] == []
        counts = [match.groups() for line in lines if (match := DROPPED.search(line))]
        written = REFUSED * (2 if options else 1)
        assert all(0 < int(number) < written and number == same for number, same in counts)
        until(lambda: b"\nhookonce_log_lines_dropped_total 0.0" not in metrics(port), "the count")
        assert gunicorn.stop() == 0
    finally:
        gunicorn.kill()


def metrics(port: int) -> bytes:
    return get(port, "/metrics")[1]


def test_a_log_that_nobody_reads_stops_no_execution(
    database: Database, database_url: str, ledger: Ledger, pipe: UnreadPipe, tmp_path: Path
) -> None:
    trigger_id = factories.trigger(database, action_type="noop")
    for _ in range(20):
        factories.execution(database, trigger_id)
    worker = start(pipe, database_url, "hookonce", "worker", HOOKONCE_SCRIPTS_DIR=str(tmp_path))
    try:
        until(
            lambda: {row.status for row in ledger.executions()} == {"completed"},
            "completed executions",
        )
        assert worker.stop() == 0
    finally:
        worker.kill()
