"""The threads in which actions run, and their load by trigger."""

import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue

from app.worker.attempt import Attempt, FinishedAttempt, Lease
from app.worker.fair_share import Capacity

SLOW_SECONDS = 1.0
"""A trigger whose action takes longer than this counts as slow, and gets no reserved slot."""


class AttemptPool:
    """A fixed number of slots; an attempt holds one from its start until its result is drained."""

    def __init__(
        self,
        slots: int,
        work: Callable[[Attempt], FinishedAttempt | None],
        not_started: Callable[[Attempt, RuntimeError], FinishedAttempt],
    ) -> None:
        self._slots = slots
        self._work = work
        self._not_started = not_started
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="action")
        self._running: dict[Lease, tuple[Attempt, float]] = {}
        self._waiting: deque[Attempt] = deque()
        """Attempts that no thread has taken yet."""
        self._ended: SimpleQueue[tuple[Attempt, FinishedAttempt | None]] = SimpleQueue()
        self._last_duration: dict[int, float] = {}
        """Seconds that the last attempt of each trigger took."""

    @property
    def full(self) -> bool:
        """Return True if no slot is free."""
        return len(self._running) >= self._slots

    @property
    def capacity(self) -> Capacity:
        """Return the slots, those in use by trigger, and the triggers known as quick or slow."""
        running = [(each.terms.trigger_id, began) for each, began in self._running.values()]
        held = Counter(trigger_id for trigger_id, _ in running)
        long_ago = time.monotonic() - SLOW_SECONDS
        still_running = {trigger_id for trigger_id, began in running if began < long_ago}
        slow = {each for each, took in self._last_duration.items() if took > SLOW_SECONDS}
        slow |= still_running
        return Capacity(self._slots, held, self._last_duration.keys() - slow, slow)

    def submit(self, attempt: Attempt, then: Callable[[], None]) -> None:
        """Start the attempt in a thread; `then` is called in that thread when it has ended.

        If no thread can be started the attempt ends at once as one that was not started.
        """
        self._running[attempt.lease] = attempt, time.monotonic()
        self._waiting.append(attempt)
        try:
            self._threads.submit(self._run_next, then)
        except RuntimeError as error:
            # the call above is kept all the same, and would run an attempt that is left waiting
            with suppress(ValueError):
                self._waiting.remove(attempt)
                self._ended.put((attempt, self._not_started(attempt, error)))

    def drain(self) -> list[FinishedAttempt]:
        """Return the attempts that ended since the last call, in that order, and free their slots.

        An attempt that ended without a result frees its slot too, and is left to its lease.
        """
        finished = []
        try:
            while True:
                attempt, result = self._ended.get_nowait()
                _, began = self._running.pop(attempt.lease)
                self._last_duration[attempt.terms.trigger_id] = time.monotonic() - began
                if result is not None:
                    finished.append(result)
        except Empty:
            return finished

    def running(self) -> list[Attempt]:
        """Return the attempts that hold a slot."""
        return [attempt for attempt, _ in self._running.values()]

    @property
    def busy_count(self) -> int:
        """Return the number of slots in use; safe in any thread."""
        return len(self._running)

    def shutdown(self) -> None:
        """Start no further attempt; do not wait for those that run."""
        self._threads.shutdown(wait=False)

    def _run_next(self, then: Callable[[], None]) -> None:
        try:
            attempt = self._waiting.popleft()
        except IndexError:
            return
        result = None
        try:
            result = self._work(attempt)
        finally:
            self._ended.put((attempt, result))
            then()
