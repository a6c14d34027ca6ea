"""How a request waits for another thread: on a thread of its own, or on none.

A thread that waits is put to sleep and woken by the kernel, and then fights for the interpreter. Of
the requests that one thread answers in turn each is a greenlet: while it waits for a commit, the
thread goes on with the next one.
"""

import contextvars
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from greenlet import getcurrent, greenlet

Result = TypeVar("Result")
Work = Callable[[], object]

THREADS = 4
"""For what must not keep the answering thread: commits, one at a time, and look-ups."""


class Turn(Protocol):
    """One caller's waiting for what others do."""

    def lead(self, work: Work) -> None:
        """It falls to this caller to have the work done."""

    def wait(self) -> None:
        """Returns once it was given."""

    def give(self) -> None:
        """What was waited for is there; any thread may say so, once."""


def turn() -> Turn:
    """The waiting of whoever asks: of a greenlet that a Round answers, or of a thread."""
    current = getcurrent()
    return _GuestTurn(current) if isinstance(current, _Guest) else _ThreadTurn()


def elsewhere(work: Callable[[], Result]) -> Result:
    """What the work returns or raises; the thread that answers others does not wait for it."""
    current = getcurrent()
    if not isinstance(current, _Guest):
        return work()
    future = current.round.pool.submit(contextvars.copy_context().run, work)
    future.add_done_callback(lambda _: current.round.resume(current))
    current.round.leave()
    return future.result()


class _ThreadTurn:
    def __init__(self) -> None:
        self._given = threading.Lock()
        self._given.acquire()
        self._work: Work | None = None

    def lead(self, work: Work) -> None:
        self._work = work
        self._given.release()

    def wait(self) -> None:
        self._given.acquire()
        if self._work is not None:
            self._work()  # which gives this one too

    def give(self) -> None:
        if self._work is None:
            self._given.release()


class Round:
    """The requests that one thread answers, to be made by that thread.

    `call` has the thread call something soon, and may be used from any thread.
    """

    def __init__(self, call: Callable[[Work], object]) -> None:
        self.pool = ThreadPoolExecutor(THREADS, "elsewhere")
        self._call = call
        self._hub = getcurrent()
        self.thread = threading.get_ident()
        self._resumed: deque[greenlet] = deque()
        self._called = False
        self._gathered: list[Work] = []

    def answer(self, request: Work) -> None:
        """The request is answered, or waits: then it goes on when it is resumed."""
        _Guest(self, request).switch()

    def gather(self, work: Work) -> None:
        """Done elsewhere once all that is ready now has joined it."""
        self._gathered.append(work)

    def resume(self, guest: greenlet) -> None:
        """The guest goes on soon; any thread may say so."""
        self._resumed.append(guest)
        if not self._called:
            self._called = True
            self._call(self._resume_all)

    def leave(self) -> None:
        """To be called by a guest: the thread goes on with others until it is resumed."""
        self._hub.switch()

    def end(self) -> None:
        """All that was ready has been answered or waits."""
        gathered, self._gathered = self._gathered, []
        for work in gathered:
            self.pool.submit(work)

    def close(self) -> None:
        """Nothing more is begun."""
        self.pool.shutdown(wait=False)

    def _resume_all(self) -> None:
        self._called = False
        for _ in range(len(self._resumed)):
            self._resumed.popleft().switch()


class _Guest(greenlet):  # type: ignore[misc] # greenlet says nothing of its types
    def __init__(self, of: Round, request: Work) -> None:
        super().__init__(request)
        self.round = of


class _GuestTurn:
    def __init__(self, guest: _Guest) -> None:
        self._guest = guest

    def lead(self, work: Work) -> None:
        if threading.get_ident() == self._guest.round.thread:
            self._guest.round.gather(work)
        else:
            self._guest.round.pool.submit(work)

    def wait(self) -> None:
        self._guest.round.leave()

    def give(self) -> None:
        self._guest.round.resume(self._guest)
