"""Wait for a thread or a socket, on any kind of thread.

The server may answer many requests on one thread, the answering thread (app/server/scheduler.py).
There nothing may wait but through this module, or every other request waits too. On any other
thread each function here simply blocks.

The rule is checked where it could be broken: a function that may block is marked `@blocking` (on an
answering thread it raises) or `@offloaded` (another thread runs it).
"""

import threading
from collections.abc import Callable, Generator
from contextvars import ContextVar
from functools import partial, wraps
from typing import ParamSpec, Protocol, TypeVar

Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")
Work = Callable[[], object]

SMALL_REQUEST_BYTES = 16_384
"""Bytes of the largest request that an answering thread answers; a larger one gets a thread.

The server decides by it, and intake relies on it: such a body never waits for memory, and sixteen
of them are one batch. Two constants that differed would once have stopped the answering thread.
"""


class BlocksAnsweringThread(RuntimeError):
    """Code that may block was called on an answering thread: all its requests would wait."""


class Handoff(Protocol):
    """Let one request do a piece of work for many that wait for it."""

    def lead(self, work: Work) -> None:
        """Have this waiting request, or its scheduler, run `work`, which calls `give` on it too."""

    def wait(self) -> None:
        """Block, or let other requests be answered, until `give` was called."""

    def give(self) -> None:
        """End the wait. May be called once, from any thread."""


class Task(Protocol):
    """A request on an answering thread, with the ways in which it may wait there."""

    def offload(self, work: Callable[[], Result]) -> Result:
        """Run `work` on another thread; return or raise what it does."""

    def wait_io(
        self, steps: Generator[int, int, Result], fileno: int, seconds: float | None
    ) -> Result:
        """Run `steps`, each of which yields the events it needs; return their result."""

    def handoff(self) -> Handoff:
        """Return a hand-off for this request."""


class Scheduler(Protocol):
    """A thread that answers many requests."""

    thread: int

    def current(self) -> Task | None:
        """Return the request that is being answered; None between requests."""


_schedulers: dict[int, Scheduler] = {}
"""The schedulers by thread id.

Only their threads use greenlet: it remembers each thread that ever called it, and when such a
thread ends, it looks through all objects, interrupting whatever the main thread does.
"""


_arrived_at: ContextVar[float | None] = ContextVar("arrived_at", default=None)


def arrived_at() -> float | None:
    """Return the monotonic time at which the request arrived; None if the server does not tell."""
    return _arrived_at.get()


def arriving_at(moment: float, work: Callable[[], Result]) -> Result:
    """Run `work` for a request that arrived at this moment and then waited for a thread."""
    token = _arrived_at.set(moment)
    try:
        return work()
    finally:
        _arrived_at.reset(token)


def register(scheduler: Scheduler) -> None:
    """Make the scheduler's thread an answering thread."""
    _schedulers[scheduler.thread] = scheduler


def unregister(scheduler: Scheduler) -> None:
    """Make the scheduler's thread an ordinary one again."""
    _schedulers.pop(scheduler.thread, None)


def on_answering_thread() -> bool:
    """Return whether the caller shares its thread with other requests and must not block."""
    return _task() is not None


def blocking(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Mark a function that may block: on an answering thread it raises BlocksAnsweringThread."""

    @wraps(function)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if _task() is not None:
            name = function.__qualname__
            raise BlocksAnsweringThread(
                f"{name} may block, and was called on the answering thread: "
                "wait through app.cooperative, for example offload"
            )
        return function(*args, **kwargs)

    return guarded


def offloaded(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Mark a function that may block: an answering thread has another thread run it."""

    @wraps(function)
    def offloading(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        task = _task()
        if task is None:
            return function(*args, **kwargs)
        return task.offload(partial(function, *args, **kwargs))

    return offloading


def handoff() -> Handoff:
    """Return a hand-off for the caller: for its request, or for its thread."""
    task = _task()
    return _ThreadHandoff() if task is None else task.handoff()


def offload(work: Callable[[], Result]) -> Result:
    """Run `work`, which may block; an answering thread has another thread run it."""
    task = _task()
    return work() if task is None else task.offload(work)


def wait_io(
    steps: Generator[int, int, Result], fileno: int, seconds: float | None = None
) -> Result:
    """Run `steps`, each of which yields the events of `selectors` that it needs at this socket.

    Only for a caller on an answering thread. Raises TimeoutError when all of it takes longer than
    `seconds`, by a second at most.
    """
    task = _task()
    if task is None:
        raise RuntimeError("wait_io is for an answering thread; any other may simply block")
    return task.wait_io(steps, fileno, seconds)


def _task() -> Task | None:
    scheduler = _schedulers.get(threading.get_ident())
    return None if scheduler is None else scheduler.current()


class _ThreadHandoff:
    """A hand-off for an ordinary thread, which blocks at a lock meanwhile."""

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
            self._work()  # it calls `give` on this hand-off too

    def give(self) -> None:
        if self._work is None:
            self._given.release()
