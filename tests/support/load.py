"""Senders as they are: they send again what was not acknowledged, and now and then what was."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tests.support.sender import Sender
from tests.support.service import until

PATIENCE_SECONDS = 120.0
"""How long a sender goes on with one event; a service that is away for longer has failed."""
LONGEST_PAUSE_SECONDS = 0.2
"""How long a sender waits at most before it sends again; real ones wait longer."""
NO_ANSWER = "no answer"
ACKNOWLEDGED = "200"
REFUSED = "503"


@dataclass
class Load:
    """Clients that deliver one event after another, each until it is acknowledged.

    After every second new event each client delivers one again that was acknowledged before, so
    that at least a third of all deliveries are duplicates.
    """

    sender: Sender
    name: str = "event"
    chance: random.Random = field(default_factory=random.Random)
    acknowledged: dict[str, int] = field(default_factory=dict)
    """Each key, and how often it was acknowledged."""
    answers: Counter[str] = field(default_factory=Counter)
    """Statuses, and `no answer`."""
    stop: threading.Event = field(default_factory=threading.Event)
    """No new event any more; what was begun is delivered."""
    abandon: threading.Event = field(default_factory=threading.Event)
    """Nothing any more."""
    _clients: list[Future[None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def deliveries(self) -> int:
        """How many were acknowledged."""
        return self.answers[ACKNOWLEDGED]

    @property
    def duplicates(self) -> int:
        """How many were acknowledged after another one of the same event had been."""
        return self.deliveries - len(self.acknowledged)

    def send_to(self, port: int) -> None:
        """From now on, deliver to this port."""
        self.sender = replace(self.sender, port=port)

    def until_delivered(self, count: float) -> None:
        """Return once so many deliveries are acknowledged; raises what a client runs into."""

        def enough() -> bool:
            self._look()
            return self.deliveries >= count

        until(enough, f"{count:.0f} deliveries acknowledged", PATIENCE_SECONDS)

    def start(self, pool: Executor, clients: int) -> None:
        """So many clients begin."""
        self._clients = [pool.submit(self._run, client) for client in range(clients)]

    def finish(self) -> None:
        """Every event that was begun is acknowledged; raises what a client ran into."""
        self.stop.set()
        wait(self._clients)
        self._look()

    def _look(self) -> None:
        for client in self._clients:
            if client.done():
                client.result()

    def _run(self, client: int) -> None:
        mine = []
        while not self.stop.is_set():
            mine.append(f"{self.name}-{client}-{len(mine)}")
            self._deliver(mine[-1])
            if len(mine) % 2:
                self._deliver(self.chance.choice(mine))

    def _deliver(self, key: str) -> None:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not self._acknowledged(key) and not self.abandon.is_set():
            assert time.monotonic() < give_up_at, f"{key} is not acknowledged: {self.answers}"
            self.abandon.wait(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))

    def _acknowledged(self, key: str) -> bool:
        try:
            answer = self.sender.post_event(key)
        except (OSError, http.client.HTTPException):
            status, acknowledged = NO_ANSWER, False
        else:
            acknowledged = answer.acknowledged
            status = ACKNOWLEDGED if acknowledged else f"{answer.status} {answer.body[:20]!r}"
            if answer.status == 503:
                status = REFUSED
        with self._lock:
            self.answers[status] += 1
            if acknowledged:
                self.acknowledged[key] = self.acknowledged.get(key, 0) + 1
        return acknowledged


@contextmanager
def sending(load: Load, clients: int) -> Iterator[None]:
    """The load is at work; at the end every event that was begun is acknowledged."""
    with ThreadPoolExecutor(clients, thread_name_prefix="client") as pool:
        load.start(pool, clients)
        try:
            yield
        except BaseException:
            load.abandon.set()
            load.stop.set()
            raise
        load.finish()
