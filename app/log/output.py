"""Write standard output and error by a thread, so that nothing else waits for the log's reader.

A pipe that nobody reads is full after 64 KiB, a terminal can be stopped, a disk can be full: the
next write then blocks or fails, and with it the process. So callers only append to a queue in
memory, and lines are dropped and counted once it is full.

The file itself cannot be made to never block. O_NONBLOCK belongs to the open file, which the
master, its workers and other programs of the shell share. After poll(2) says that there is space,
another process can take it. A second opening through /proc is refused where a pipe belongs to root,
as in most containers; a socket has none, and a regular file would get a second position.
"""

import atexit
import fcntl
import io
import os
import select
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue

QUEUE_CHARACTERS = 1_048_576
"""Characters of the lines that wait at most: 1.6 s of lines at 5,000 events a second.

As many may be in the hands of the thread that writes.
"""
GATHERING_SECONDS = 0.01
"""Seconds that the thread rests after it has written, so that it seldom takes the interpreter."""
RETRY_SECONDS = 0.2
"""Seconds until lines that a full disk or a closed pipe refused are tried again."""
EXIT_SECONDS = 1.0
"""Seconds that an ending process waits at most for its last lines to be written."""
EXIT_POLL_SECONDS = 0.002
ATOMIC_BYTES = select.PIPE_BUF
"""Bytes that a pipe takes whole or not at all: lines of several processes do not mix."""

Notice = Callable[[int], str]
"""Function that returns the log line about so many dropped lines."""


class LineQueue:
    """Queue of lines for one open file, with a thread that writes them in their order.

    `write` never waits, and may be called by a signal handler that interrupts another `write`.
    """

    def __init__(self, fileno: int, notice: Notice) -> None:
        self.fileno = fileno
        self._notice = notice
        self.begin()

    def begin(self) -> None:
        """Begin with an empty queue: its lines and its thread stay with the parent at a fork."""
        self._lock = threading.RLock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._lines: list[str] = []
        self._size = 0
        self._dropped = 0
        self._uncounted = 0
        self._is_writing = self._is_failing = self.is_closed = False
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> None:
        """Queue the text, which is whole lines; drop it if the queue is full."""
        if sys.is_finalizing():
            return  # the thread may have been stopped while it held the lock
        with self._lock:
            if self._lines and self._size + len(text) > QUEUE_CHARACTERS:
                number = text.count("\n")
                self._dropped += number
                self._uncounted += number
                return
            is_first = not self._lines  # asked before: a signal handler may add lines from here on
            self._lines.append(text)
            self._size += len(text)
            if self._thread is None:
                self._start_thread()
            if is_first:
                self._wake.put(None)

    def take_dropped(self) -> int:
        """Return the number of lines dropped since the last call."""
        with self._lock:
            number, self._uncounted = self._uncounted, 0
            return number

    def drain(self, until: float) -> None:
        """Wait until all lines are written, unless they cannot be; `until` is monotonic time."""
        while self._is_behind and not self._is_failing and time.monotonic() < until:
            time.sleep(EXIT_POLL_SECONDS)

    def close(self) -> None:
        """Have the thread close the file once all lines are written."""
        with self._lock:
            self.is_closed = True
            self._start_thread()
            self._wake.put(None)

    @property
    def _is_behind(self) -> bool:
        with self._lock:
            return bool(self._lines or self._is_writing)

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # there are too many threads: the next line tries again
                self._thread = None

    def _run(self) -> None:
        while True:
            self._wake.get()
            lines, dropped = self._take()
            self._write_all(lines)
            if dropped:
                self._write_all([self._notice(dropped)])
            with self._lock:
                self._is_writing = False
                if self.is_closed and not self._lines:
                    os.close(self.fileno)
                    return
            time.sleep(GATHERING_SECONDS)

    def _take(self) -> tuple[list[str], int]:
        with self._lock:
            lines, self._lines, self._size = self._lines, [], 0
            dropped, self._dropped = self._dropped, 0
            self._is_writing = True
            return lines, dropped

    def _write_all(self, lines: list[str]) -> None:
        with self._sole_writer():
            for piece in _pieces(lines):
                self._write_whole(piece)

    def _write_whole(self, piece: bytes) -> None:
        """Write all of it, however long that takes: half a line is never left behind."""
        while piece:
            try:
                piece = piece[os.write(self.fileno, piece) :]
                self._is_failing = False
            except BlockingIOError:  # another program has made the file non-blocking
                poll = select.poll()
                poll.register(self.fileno, select.POLLOUT)
                poll.poll(1000 * RETRY_SECONDS)
            except OSError:
                self._is_failing = True
                time.sleep(RETRY_SECONDS)

    @contextmanager
    def _sole_writer(self) -> Iterator[None]:
        """Keep other processes of ours from the file: a line above ATOMIC_BYTES may be split."""
        is_locked = False
        with suppress(OSError):  # a kind of file that cannot be locked
            if not stat.S_ISREG(os.fstat(self.fileno).st_mode):
                fcntl.lockf(self.fileno, fcntl.LOCK_EX)
                is_locked = True
        try:
            yield
        finally:
            if is_locked:
                with suppress(OSError):
                    fcntl.lockf(self.fileno, fcntl.LOCK_UN)


def _pieces(lines: list[str]) -> Iterator[bytes]:
    """Yield whole lines, together as long as they are written atomically."""
    piece = b""
    for line in lines:
        encoded = line.encode("utf-8", "backslashreplace")
        if piece and len(piece) + len(encoded) > ATOMIC_BYTES:
            yield piece
            piece = b""
        piece += encoded
    yield piece


class LineStream(io.TextIOBase):
    """A text file whose lines go to a queue; a line in several parts is queued when it ends."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, queue: LineQueue) -> None:
        self._queue = queue
        self._of_thread = threading.local()

    def write(self, text: str) -> int:
        """Queue the lines that the text ends; keep the rest, for each thread."""
        partial = getattr(self._of_thread, "partial", "")
        if not partial and text.endswith("\n"):  # whole lines, as loggers write them
            self._queue.write(text)
            return len(text)
        whole, end, rest = (partial + text).rpartition("\n")
        self._of_thread.partial = rest
        if end:
            self._queue.write(whole + end)
        return len(text)

    def flush(self) -> None:
        """Do nothing: loggers flush after every line, and none may wait."""

    def close(self) -> None:
        """Have the queue close the file once its lines are written."""
        if not self.closed:
            super().close()
            self._queue.close()

    def __del__(self) -> None:
        """Do nothing: the default closes the file, and by then the thread may hold the lock."""

    def fileno(self) -> int:
        return self._queue.fileno

    def isatty(self) -> bool:
        return os.isatty(self._queue.fileno)

    def writable(self) -> bool:
        return True


_queues: list[LineQueue] = []


def replace_standard_streams(notice: Notice) -> None:
    """Have a thread write `sys.stdout` and `sys.stderr` from now on, in forked processes too."""
    if isinstance(sys.stderr, LineStream) or sys.stdout is None or sys.stderr is None:
        return
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    errors = queue(sys.stderr.fileno(), notice)
    is_same_file = os.path.sameopenfile(sys.stdout.fileno(), errors.fileno)
    # one queue for one file, so that the order of its lines is kept
    sys.stdout = LineStream(errors if is_same_file else queue(sys.stdout.fileno(), notice))
    sys.stderr = LineStream(errors)


def queue(fileno: int, notice: Notice) -> LineQueue:
    """Return a queue for this open file; a process that ends writes its last lines."""
    _queues[:] = [each for each in _queues if not each.is_closed]
    _queues.append(LineQueue(fileno, notice))
    return _queues[-1]


def drain() -> None:
    """Wait until the lines of this process are written, for EXIT_SECONDS at most."""
    until = time.monotonic() + EXIT_SECONDS
    for each in _queues:
        each.drain(until)


def take_dropped() -> int:
    """Return the number of lines that this process dropped since the last call."""
    return sum(each.take_dropped() for each in list(_queues))


def _begin_all() -> None:
    for each in _queues:
        each.begin()


os.register_at_fork(after_in_child=_begin_all)
atexit.register(drain)
