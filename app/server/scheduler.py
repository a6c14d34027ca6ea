"""Answer many requests on one thread: the one implementation of `cooperative.Scheduler`.

A thread that waits is put to sleep and woken by the kernel, and then fights for the interpreter. Of
the requests that this thread answers each is a greenlet: while it waits for a commit, the thread
goes on with the next one. A database that is asked over a socket is waited for in the same way.
"""

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from selectors import BaseSelector
from typing import cast

from greenlet import getcurrent, greenlet

from app import cooperative
from app.cooperative import Result, Work
from app.server.spin_wait import SpinWaiter

THREADS = 4
"""Threads for what would block the answering thread: look-ups, a held lock, a new connection."""
GATHERING_SECONDS = 0.002
"""The longest that gathered work waits for more to join it while requests keep coming in."""
IDLE_AT_MOST = 64
"""The number of greenlets kept for the next requests; each holds some 20 kB."""
ALONE_SECONDS = 0.002
"""The longest that the thread itself waits at a socket while no other request can come in."""


class GreenletScheduler:
    """The requests that one thread answers, to be made by that thread.

    `call` has the thread call something soon, and may be used from any thread. `poller` is what
    the thread waits at; it calls the data of what is ready, with its file. `alone` tells whether
    nobody else is connected: then hardly anything can come in that a request should give way to.
    """

    def __init__(
        self,
        call: Callable[[Work], object],
        poller: BaseSelector,
        alone: Callable[[], bool] = lambda: False,
    ) -> None:
        self.pool = ThreadPoolExecutor(THREADS, "elsewhere")
        self._call = call
        self._poller = poller
        self._alone = alone
        self._waiter = SpinWaiter()
        self._hub = getcurrent()
        self.thread = threading.get_ident()
        cooperative.register(self)
        self._resumed: deque[greenlet] = deque()
        self._called = False
        self._gathered: list[Work] = []
        self._begins_at = 0.0
        self._watched: dict[int, tuple[greenlet, float | None]] = {}
        self._idle: list[greenlet] = []

    def current(self) -> "_PooledGreenlet | None":
        """Return the greenlet of the request that is being answered; None between requests."""
        current = getcurrent()
        return current if isinstance(current, _PooledGreenlet) else None

    def answer(self, request: Work) -> None:
        """The request is answered, or waits: then it goes on when it is resumed."""
        if not self._idle:
            _PooledGreenlet(self).switch()
        self._idle.pop().switch(request)

    def gather(self, work: Work) -> None:
        """Done once all that is ready has joined it."""
        if not self._gathered:
            self._begins_at = time.monotonic() + GATHERING_SECONDS
        self._gathered.append(work)

    def resume(self, guest: greenlet) -> None:
        """The guest goes on soon; any thread may say so."""
        self._resumed.append(guest)
        if threading.get_ident() != self.thread and not self._called:
            self._called = True
            self._call(self._resume_all)

    def leave(self) -> None:
        """To be called by a guest: the thread goes on with others until it is resumed."""
        self._hub.switch()

    def next_request(self, guest: greenlet) -> Work | None:
        """Likewise, until there is a request to be answered; None if enough wait for one."""
        if len(self._idle) >= IDLE_AT_MOST:
            return None
        self._idle.append(guest)
        return cast(Work, self._hub.switch())

    def watch(self, fileno: int, events: int, until: float | None = None) -> None:
        """To be called by a guest: the thread goes on with others until one of them is there.

        Raises TimeoutError at the next end of a round after that moment of the monotonic clock.
        """
        late = until is not None and time.monotonic() >= until
        if not late and self._alone() and self._waiter.there(fileno, events, ALONE_SECONDS):
            return
        self._poller.register(fileno, events, self._seen)
        self._watched[fileno] = getcurrent(), until
        self.leave()

    @property
    def gathering(self) -> bool:
        """Whether something waits for the poller to have nothing ready."""
        return bool(self._gathered)

    @property
    def under_way(self) -> bool:
        """Whether something waits for what only the poller will tell."""
        return bool(self._gathered or self._watched)

    def end(self, *, quiet: bool = True) -> None:
        """All that was ready has been answered or waits; `quiet`: there was nothing.

        Then what was gathered begins, or when it has waited for GATHERING_SECONDS: those who are
        just being answered may have more to join it.
        """
        self._end_late()
        self._resume_all()
        if self._gathered and (quiet or self._alone() or time.monotonic() >= self._begins_at):
            gathered, self._gathered = self._gathered, []
            for work in gathered:
                self.answer(work)
            self._resume_all()

    def close(self) -> None:
        """Nothing more is begun."""
        cooperative.unregister(self)
        while self._idle:
            self._idle.pop().switch(None)
        self.pool.shutdown(wait=False)

    def _resume_all(self) -> None:
        self._called = False
        while self._resumed:
            self._resumed.popleft().switch()

    def _seen(self, fileno: int) -> None:
        self._unwatched(fileno).switch()

    def _end_late(self) -> None:
        now = time.monotonic()
        for fileno, (_, until) in list(self._watched.items()):
            if until is not None and until <= now:
                self._unwatched(fileno).throw(TimeoutError("timed out"))

    def _unwatched(self, fileno: int) -> greenlet:
        self._poller.unregister(fileno)
        return self._watched.pop(fileno)[0]


class _PooledGreenlet(greenlet):  # type: ignore[misc] # greenlet says nothing of its types
    """Who answers one request after another.

    A new one has its frames in a mapping of memory of its own, made, touched and given back.
    """

    def __init__(self, of: GreenletScheduler) -> None:
        super().__init__()
        self.round = of

    def run(self) -> None:
        """Each in a context of its own."""
        while (request := self.round.next_request(self)) is not None:
            contextvars.Context().run(request)
            del request  # with all that came with it: the next may be a long time coming

    def offload(self, work: Callable[[], Result]) -> Result:
        """Run `work` on a thread of the pool; other requests are answered meanwhile."""
        future = self.round.pool.submit(contextvars.copy_context().run, work)
        future.add_done_callback(lambda _: self.round.resume(self))
        self.round.leave()
        return future.result()

    def wait_io(
        self, steps: Generator[int, int, Result], fileno: int, seconds: float | None
    ) -> Result:
        """Run `steps`, each of which yields the events it needs; return their result."""
        until = None if seconds is None else time.monotonic() + seconds
        try:
            events = next(steps)
            while True:
                self.round.watch(fileno, events, until)
                events = steps.send(events)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def handoff(self) -> "_GreenletHandoff":
        """Return a hand-off by which another thread or request resumes this request."""
        return _GreenletHandoff(self)


class _GreenletHandoff:
    def __init__(self, guest: _PooledGreenlet) -> None:
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
