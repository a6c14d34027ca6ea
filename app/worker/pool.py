"""The threads in which actions run, and what is known of those who occupy them."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from app.worker.attempt import Attempt, FinishedAttempt, Lease
from app.worker.fair_share import Capacity

LONG_SECONDS = 1.0
"""An action that takes longer is not waited for by other triggers."""


class AttemptPool:
    """So many places; each attempt takes one from its beginning until its end was fetched."""

    def __init__(self, places: int, work: Callable[[Attempt], FinishedAttempt | None]) -> None:
        self._places = places
        self._work = work
        self._pool = ThreadPoolExecutor(places, thread_name_prefix="action")
        self._begun: dict[Lease, tuple[Attempt, float]] = {}
        self._over: SimpleQueue[tuple[Attempt, FinishedAttempt | None]] = SimpleQueue()
        self._took: dict[int, float] = {}
        """By trigger: the seconds that its last attempt took."""

    @property
    def full(self) -> bool:
        """Whether there is no place."""
        return len(self._begun) >= self._places

    @property
    def capacity(self) -> Capacity:
        """What there is to share out now."""
        begun = [(each.terms.trigger_id, began) for each, began in self._begun.values()]
        held = Counter(trigger_id for trigger_id, _ in begun)
        long_ago = time.monotonic() - LONG_SECONDS
        lasting = {trigger_id for trigger_id, began in begun if began < long_ago}
        slow = {each for each, took in self._took.items() if took > LONG_SECONDS} | lasting
        return Capacity(self._places, held, self._took.keys() - slow, slow)

    def submit(self, attempt: Attempt, then: Callable[[], None]) -> None:
        """Let it run in a thread; `then` is called, in that thread, when it has ended."""
        self._begun[attempt.lease] = attempt, time.monotonic()
        self._pool.submit(self._run, attempt, then)

    def drain(self) -> list[FinishedAttempt]:
        """What ended since it was last asked, in that order; its places are free."""
        found = []
        try:
            while True:
                attempt, ended = self._over.get_nowait()
                _, began = self._begun.pop(attempt.lease)
                self._took[attempt.terms.trigger_id] = time.monotonic() - began
                if ended is not None:
                    found.append(ended)
        except Empty:
            return found

    def at_work(self) -> list[Attempt]:
        """The attempts that have a place."""
        return [attempt for attempt, _ in self._begun.values()]

    def shutdown(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._pool.shutdown(wait=False)

    def _run(self, attempt: Attempt, then: Callable[[], None]) -> None:
        ended = None
        try:
            ended = self._work(attempt)
        finally:
            self._over.put((attempt, ended))
            then()
