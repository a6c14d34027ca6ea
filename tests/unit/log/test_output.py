"""Log lines are written by a thread: in order, whole, and without making their writer wait."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import log
from app.log import output
from app.log.output import LineQueue, LineStream
from tests.support.databases import ROOT
from tests.support.service import COMMAND_SECONDS, DEADLINE_SECONDS, until

PIPE_BYTES = 65_536
DROPPED = re.compile(rb"(\d+) dropped\n")


def notice(number: int) -> str:
    return f"{number} dropped\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the descriptors of a pipe, which stay open as /dev/null after the test.

    The thread of a queue may still write lines: to a number that was closed, they would go to the
    next file that gets it, such as the connection of another test.
    """
    reader, writer = os.pipe()
    yield reader, writer
    for each in (reader, writer):
        discard_what_is_written_to(each)


def discard_what_is_written_to(fileno: int) -> None:
    with open(os.devnull, "wb") as devnull:
        os.dup2(devnull.fileno(), fileno)


def fill(writer: int) -> None:
    """Fill the pipe, as earlier lines that nobody read."""
    os.set_blocking(writer, False)
    while True:
        try:
            os.write(writer, b"." * 1023 + b"\n")
        except BlockingIOError:
            break
    os.set_blocking(writer, True)


def drained(queue: LineQueue) -> None:
    queue.drain(time.monotonic() + 2 * DEADLINE_SECONDS)


def read_while(reader: int, is_incomplete: Callable[[bytes], bool]) -> list[bytes]:
    received = b""
    while is_incomplete(received):
        received += os.read(reader, 65_536)
    return received.splitlines(keepends=True)


def read_until(reader: int, end: str) -> list[bytes]:
    return read_while(reader, lambda received: not received.endswith(end.encode()))


def test_lines_are_written_whole_and_in_their_order(pipe: tuple[int, int]) -> None:
    queue = LineQueue(pipe[1], notice)
    lines = [f"line {number} {'x' * (number % 5 * 2_000)}\n" for number in range(200)]

    for line in lines:
        queue.write(line)

    assert read_until(pipe[0], lines[-1]) == [line.encode() for line in lines]


def test_a_pipe_that_is_not_read_makes_nobody_wait_and_the_lost_lines_are_counted(
    pipe: tuple[int, int],
) -> None:
    fill(pipe[1])
    queue = LineQueue(pipe[1], notice)
    line = "x" * 999 + "\n"
    began = time.monotonic()

    for _ in range(3_000):
        queue.write(line)

    assert time.monotonic() - began < DEADLINE_SECONDS
    dropped = queue.take_dropped()
    assert 500 < dropped < 3_000

    def is_incomplete(received: bytes) -> bool:
        return received.count(line.encode()) + sum(told(received)) < 3_000

    lines = read_while(pipe[0], is_incomplete)
    assert lines.count(line.encode()) == 3_000 - dropped
    assert sum(told(b"".join(lines))) == dropped
    queue.write("it goes on\n")
    assert read_until(pipe[0], "it goes on\n") == [b"it goes on\n"]
    assert queue.take_dropped() == 0


def told(received: bytes) -> list[int]:
    """Return the numbers of the notices: one for each batch before which lines were dropped."""
    return [int(number) for number in DROPPED.findall(received)]


def test_a_line_that_was_written_in_part_is_finished_first(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)  # as another program that shares the pipe may have done
    queue = LineQueue(pipe[1], notice)
    lines = [letter * (3 * PIPE_BYTES) + "\n" for letter in "ab"]
    for line in lines:
        queue.write(line)

    assert read_until(pipe[0], "b\n") == [line.encode() for line in lines]
    assert not os.get_blocking(pipe[1])


def test_the_flags_of_the_open_file_stay_as_they_are(pipe: tuple[int, int]) -> None:
    queue = LineQueue(pipe[1], notice)
    before = fcntl.fcntl(pipe[1], fcntl.F_GETFL)

    queue.write("a line\n")
    drained(queue)

    assert fcntl.fcntl(pipe[1], fcntl.F_GETFL) == before


@pytest.fixture
def full_disk() -> Iterator[int]:
    """Return a file that takes nothing until the test ends.

    Then it takes all, and stays open for the thread that writes to it: a thread that went on trying
    would keep its lock on /dev/full, and a test of another process would wait for that.
    """
    fileno = os.open("/dev/full", os.O_WRONLY)
    yield fileno
    discard_what_is_written_to(fileno)


def test_a_full_disk_raises_nothing_and_makes_nobody_wait(full_disk: int) -> None:
    queue = LineQueue(full_disk, notice)
    queue.write("a line\n")
    until(lambda: queue._is_failing, "the error")

    for _ in range(30):
        queue.write("x" * 100_000 + "\n")
    began = time.monotonic()
    drained(queue)

    assert time.monotonic() - began < DEADLINE_SECONDS
    assert queue.take_dropped() > 10


def test_lines_are_written_once_the_disk_has_space_again(full_disk: int, tmp_path: Path) -> None:
    queue = LineQueue(full_disk, notice)
    queue.write("a line\n")
    until(lambda: queue._is_failing, "the error")

    with (tmp_path / "log").open("wb") as disk:
        os.dup2(disk.fileno(), full_disk)

    until(lambda: (tmp_path / "log").read_text() == "a line\n", "the line")


def test_long_lines_of_several_processes_do_not_mix(pipe: tuple[int, int]) -> None:
    fill(pipe[1])
    queue = LineQueue(pipe[1], notice)
    output._queues.append(queue)
    try:
        children = [_child(queue, letter) for letter in "ab"]
        time.sleep(0.3)  # both wait for the pipe now
        received = [line for line in _read_lines(pipe[0], 40) if not line.startswith(b".")]
    finally:
        output._queues.remove(queue)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    assert sorted(received) == sorted([letter * 20_000 + b"\n" for letter in (b"a", b"b")] * 20)


def _child(queue: LineQueue, letter: str) -> int:
    pid = os.fork()
    if pid == 0:
        queue.begin()
        for _ in range(20):
            queue.write(letter * 20_000 + "\n")
        drained(queue)
        os._exit(0)
    return pid


def _read_lines(reader: int, long_lines: int) -> list[bytes]:
    received = b""
    while received.count(b"a\n") + received.count(b"b\n") < long_lines:
        received += os.read(reader, 65_536)
    return received.splitlines(keepends=True)


def test_a_line_in_several_parts_is_one_line(pipe: tuple[int, int]) -> None:
    stream = LineStream(LineQueue(pipe[1], notice))

    print("first", "second", file=stream)
    stream.write("third")
    stream.flush()
    stream.write(" and fourth\n")

    assert read_until(pipe[0], "and fourth\n") == [b"first second\n", b"third and fourth\n"]


def test_a_closed_stream_writes_its_lines_and_then_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    stream = log.open_without_waiting(str(path))
    fileno = stream.fileno()
    stream.write("the last line\n")

    stream.close()

    until(lambda: not os.path.exists(f"/proc/self/fd/{fileno}"), "the end of the file")
    assert path.read_text() == "the last line\n"


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_line_about_dropped_lines_has_the_form_of_all_lines(form: str) -> None:
    log.choose_format(form)
    try:
        line = log.dropped_line(7)
    finally:
        log.choose_format("text")

    assert "7 log lines were dropped while the log could not be written" in line
    assert line.startswith('{"at": ' if form == "json" else "at=")
    assert line.endswith("\n")


PROGRAM = """
import logging, os, sys, time, threading
from app import log
log.write_without_waiting()
log.configure("INFO")
logger = logging.getLogger("a")
{}
"""


def run(body: str, **more: object) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-c", PROGRAM.format(body)]
    return subprocess.run(command, cwd=ROOT, timeout=COMMAND_SECONDS, check=False, **more)  # type: ignore[call-overload,no-any-return]


PATIENT = f"log.output.EXIT_SECONDS = {DEADLINE_SECONDS}\n"
"""Begin of a program whose lines are all read, however busy the machine is."""


@pytest.mark.parametrize(
    "ending", ["pass", "sys.exit(3)", "raise RuntimeError", "log.abandon('a reason')"]
)
def test_a_process_that_ends_writes_its_last_lines(ending: str) -> None:
    ended = run(
        f"{PATIENT}for n in range(5000): logger.info('line %d', n)\n{ending}",
        stderr=subprocess.PIPE,
    )

    assert ended.stderr.count(b'"line ') == 5_000


def test_a_process_whose_lines_nobody_reads_ends_nevertheless() -> None:
    reader, writer = os.pipe()
    fill(writer)

    ended = run("print('a'); logger.error('b'); import warnings; warnings.warn('c')", stderr=writer)

    assert ended.returncode == 0
    os.close(reader)
    os.close(writer)


def test_both_streams_of_one_file_keep_the_order_of_their_lines() -> None:
    body = PATIENT + "for n in range(100):\n print(n, file=sys.stdout if n % 2 else sys.stderr)"

    ended = run(body, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    assert ended.stdout.decode().split() == [str(number) for number in range(100)]


def test_a_fork_neither_repeats_lines_nor_loses_them() -> None:
    body = "logger.info('before')\nif os.fork() == 0: logger.info('child')\nelse: os.wait()"

    ended = run(PATIENT + body, stderr=subprocess.PIPE)

    assert (ended.stderr.count(b"before"), ended.stderr.count(b"child")) == (1, 1)


def test_a_signal_handler_may_log_at_any_moment() -> None:
    body = """
import signal
signal.signal(signal.SIGALRM, lambda *_: print("handled", file=sys.stderr))
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
for n in range(20000): sys.stderr.write(f"line {n}\\n")
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    ended = run(PATIENT + body, stderr=subprocess.PIPE)

    lines = [line for line in ended.stderr.decode().splitlines() if line != "handled"]
    assert lines == [f"line {number}" for number in range(20_000)]
