"""Senders that repeat what was not acknowledged, and sometimes what was, as real ones do."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tests.support.service import until
from tests.support.socket_sender import Sender

PATIENCE_SECONDS = 120.0
"""Seconds that a sender keeps retrying one event; a service that is down for longer has failed."""
LONGEST_PAUSE_SECONDS = 0.2
"""Longest pause in seconds before a retry; real senders wait longer."""
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
    """The number of acknowledgements of each key."""
    answers: Counter[str] = field(default_factory=Counter)
    """The number of answers by status, and of `no answer`."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set to send no new event; an event that was begun is still delivered."""
    abandon: threading.Event = field(default_factory=threading.Event)
    """Set to send nothing at all."""
    _clients: list[Future[None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def deliveries(self) -> int:
        """Return the number of acknowledged deliveries."""
        return self.answers[ACKNOWLEDGED]

    @property
    def duplicates(self) -> int:
        """Return the number of acknowledged deliveries beyond the first of each event."""
        return self.deliveries - len(self.acknowledged)

    def send_to(self, port: int) -> None:
        """Deliver to this port from now on."""
        self.sender = replace(self.sender, port=port)

    def until_delivered(self, count: float) -> None:
        """Return once `count` deliveries are acknowledged; raise the error of a client."""

        def enough() -> bool:
            self._look()
            return self.deliveries >= count

        until(enough, f"{count:.0f} deliveries acknowledged", PATIENCE_SECONDS)

    def start(self, pool: Executor, clients: int) -> None:
        """Start this number of clients."""
        self._clients = [pool.submit(self._run, client) for client in range(clients)]

    def finish(self) -> None:
        """Wait until every event that was begun is acknowledged; raise the error of a client."""
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
    """Send the load while the block runs; at the end every event that was begun is acknowledged."""
    with ThreadPoolExecutor(clients, thread_name_prefix="client") as pool:
        load.start(pool, clients)
        try:
            yield
        except BaseException:
            load.abandon.set()
            load.stop.set()
            raise
        load.finish()
