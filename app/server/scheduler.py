"""Answer many requests on one thread: the one implementation of `cooperative.Scheduler`.

A thread that waits is put to sleep and woken by the kernel, and then competes for the interpreter.
Here each request is a greenlet of the answering thread: while one waits for a commit, the thread
goes on with the next. A wait at a database's socket works in the same way.
"""

import contextvars
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector

from greenlet import getcurrent, greenlet

from app import cooperative
from app.cooperative import Result, Work

OFFLOAD_THREADS = 4
"""Threads for what would block the answering thread: look-ups, a held lock, a new connection."""
GATHERING_SECONDS = 0.002
"""Seconds that gathered work waits at most for more to join it while requests keep coming in."""
IDLE_GREENLETS = 64
"""The number of greenlets kept for the next requests; each holds some 20 kB."""
SINGLE_CONNECTION_SECONDS = 0.002
"""Seconds that the thread itself waits at a socket while no other request can come in."""

_POLL_EVENTS = {
    EVENT_READ: select.POLLIN,
    EVENT_WRITE: select.POLLOUT,
    EVENT_READ | EVENT_WRITE: select.POLLIN | select.POLLOUT,
}


class GreenletScheduler:
    """The scheduler of the thread that makes it, which becomes an answering thread.

    `call_soon` makes the thread call a function soon, and may be used from any thread. `poller` is
    the selector that the thread waits at; the data of each of its keys is called with the key's
    file. `has_single_connection` returns whether only one sender is connected: then hardly any
    request can come in that the current one should give way to.
    """

    def __init__(
        self,
        call_soon: Callable[[Work], object],
        poller: BaseSelector,
        has_single_connection: Callable[[], bool] = lambda: False,
    ) -> None:
        self.pool = ThreadPoolExecutor(OFFLOAD_THREADS, "offload")
        self._call_soon = call_soon
        self._poller = poller
        self._has_single_connection = has_single_connection
        self._main = getcurrent()
        self.thread = threading.get_ident()
        cooperative.register(self)
        self._resumable: deque[greenlet] = deque()
        self._will_resume = False
        self._gathered: list[Work] = []
        self._gathered_until = 0.0
        self._watched: dict[int, tuple[greenlet, float | None]] = {}
        self._suspended: set[greenlet] = set()
        self._idle: list[greenlet] = []

    def current(self) -> "_PooledGreenlet | None":
        """Return the greenlet of the request that is being answered; None between requests."""
        current = getcurrent()
        return current if isinstance(current, _PooledGreenlet) else None

    def answer(self, request: Work) -> None:
        """Run the request until it has ended or waits; a waiting one continues after `resume`."""
        if not self._idle:
            _PooledGreenlet(self).switch()
        self._idle.pop().switch(request)

    def gather(self, work: Work) -> None:
        """Run `work` once no more ready requests can join it; see `end_cycle`."""
        if not self._gathered:
            self._gathered_until = time.monotonic() + GATHERING_SECONDS
        self._gathered.append(work)

    def resume(self, waiting: greenlet) -> None:
        """Let the waiting greenlet continue soon. May be called from any thread."""
        self._resumable.append(waiting)
        if threading.get_ident() != self.thread and not self._will_resume:
            self._will_resume = True
            self._call_soon(self._resume_all)

    def switch_away(self) -> None:
        """Suspend the calling greenlet until it is resumed; the thread goes on with others."""
        current = getcurrent()
        self._suspended.add(current)
        try:
            self._main.switch()
        finally:
            self._suspended.discard(current)

    def next_request(self, idle: greenlet) -> Work | None:
        """Suspend the idle greenlet until there is a request for it; None if it should end."""
        if len(self._idle) >= IDLE_GREENLETS:
            return None
        self._idle.append(idle)
        request: Work | None = self._main.switch()
        return request

    def watch(self, fileno: int, events: int, until: float | None = None) -> None:
        """Suspend the calling greenlet until one of the events occurs at the socket.

        Raises TimeoutError at the first end of a cycle after `until`, in monotonic time.
        """
        late = until is not None and time.monotonic() >= until
        if not late and self._has_single_connection() and _is_ready(fileno, events):
            return
        self._poller.register(fileno, events, self._continue_watcher)
        self._watched[fileno] = getcurrent(), until
        self.switch_away()

    @property
    def is_gathering(self) -> bool:
        """Return whether work waits for more to join it, until the poller has no event ready."""
        return bool(self._gathered)

    @property
    def is_waiting(self) -> bool:
        """Return whether anything here depends on the next events of the poller."""
        return bool(self._gathered or self._watched)

    def end_cycle(self, *, quiet: bool = True) -> None:
        """Continue what can continue. Call once per poll cycle; `quiet`: the poll had no event.

        Gathered work begins when the poll was quiet, or after GATHERING_SECONDS: until then the
        requests that are just being answered may have more to join it.
        """
        self._end_late_watchers()
        self._resume_all()
        if self._gathered and (quiet or self._has_single_connection() or self._gathered_long()):
            gathered, self._gathered = self._gathered, []
            for work in gathered:
                self.answer(work)
            self._resume_all()

    def close(self) -> None:
        """End the greenlets and the pool; the thread is an ordinary one again.

        A request that is suspended will never go on. It is ended now, so that it rolls its
        transaction back: on SQLite that holds the write lock against all other processes.
        """
        cooperative.unregister(self)
        for suspended in list(self._suspended):
            with suppress(BaseException):
                suspended.throw(SystemExit)
        while self._idle:
            self._idle.pop().switch(None)
        self.pool.shutdown(wait=False)

    def _gathered_long(self) -> bool:
        return time.monotonic() >= self._gathered_until

    def _resume_all(self) -> None:
        self._will_resume = False
        while self._resumable:
            self._resumable.popleft().switch()

    def _continue_watcher(self, fileno: int) -> None:
        self._unwatch(fileno).switch()

    def _end_late_watchers(self) -> None:
        if not self._watched:
            return
        now = time.monotonic()
        for fileno, (_, until) in list(self._watched.items()):
            if until is not None and until <= now:
                self._unwatch(fileno).throw(TimeoutError("timed out"))

    def _unwatch(self, fileno: int) -> greenlet:
        self._poller.unregister(fileno)
        return self._watched.pop(fileno)[0]


class _PooledGreenlet(greenlet):  # type: ignore[misc] # greenlet has no types
    """A greenlet that answers one request after another.

    A new greenlet for each would map memory for its frames, touch it and unmap it again.
    """

    def __init__(self, scheduler: GreenletScheduler) -> None:
        super().__init__()
        self.scheduler = scheduler

    def run(self) -> None:
        """Answer requests, each in a context of its own, until there are enough idle greenlets."""
        while (request := self.scheduler.next_request(self)) is not None:
            contextvars.Context().run(request)
            del request  # it would keep all that belongs to it until the next one comes

    def offload(self, work: Callable[[], Result]) -> Result:
        """Run `work` on a thread of the pool; other requests are answered meanwhile."""
        future = self.scheduler.pool.submit(contextvars.copy_context().run, work)
        future.add_done_callback(lambda _: self.scheduler.resume(self))
        self.scheduler.switch_away()
        try:
            return future.result()
        finally:
            del future  # its error refers to this frame, and would keep the request in memory

    def wait_io(
        self, steps: Generator[int, int, Result], fileno: int, seconds: float | None
    ) -> Result:
        """Run `steps`, each of which yields the events it needs; return their result."""
        until = None if seconds is None else time.monotonic() + seconds
        try:
            events = next(steps)
            while True:
                self.scheduler.watch(fileno, events, until)
                events = steps.send(events)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def handoff(self) -> "_GreenletHandoff":
        """Return a hand-off by which another thread or request resumes this request."""
        return _GreenletHandoff(self)


class _GreenletHandoff:
    def __init__(self, waiting: _PooledGreenlet) -> None:
        self._waiting = waiting
        self._scheduler = waiting.scheduler

    def lead(self, work: Work) -> None:
        if threading.get_ident() == self._scheduler.thread:
            self._scheduler.gather(work)
        else:
            self._scheduler.pool.submit(work)

    def wait(self) -> None:
        self._scheduler.switch_away()

    def give(self) -> None:
        self._scheduler.resume(self._waiting)


def _is_ready(fileno: int, events: int) -> bool:
    """Return whether one of the events occurs at the socket within a moment; it blocks so long."""
    poll = select.poll()
    poll.register(fileno, _POLL_EVENTS[events])
    return bool(poll.poll(1000 * SINGLE_CONNECTION_SECONDS))
