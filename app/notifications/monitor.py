"""Look at the conditions and send the messages, in a thread of each worker and each receiver.

The workers look every few seconds. A receiver looks only while no worker is alive by its heartbeat:
a worker that died cannot say so itself. While the database cannot be used nothing can be stored, so
each worker notifies by what it has in memory.
"""

import logging
import secrets
import threading
import time
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock, log
from app.db import Database, utc_now
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions import workers
from app.notifications import channels, observe, outbox, states
from app.notifications.channels import Channel
from app.notifications.conditions import ALL_TRIGGERS, DATABASE, Condition
from app.notifications.message import Failure, Letter
from app.notifications.outbox import ChannelBatch
from app.notifications.send import Courier, courier
from app.notifications.states import BEGAN, OVER, Look, Message
from app.settings import Settings

TROUBLE_SECONDS = 60.0
"""Seconds that the database must be away until that is notified: a failover takes less."""
PRUNE_SECONDS = 3_600.0
"""Seconds between two removals of old messages."""

logger = logging.getLogger("hookonce.notifications")


class Monitor:
    """A thread that looks and sends, from `start` to `stop`.

    `of_worker` is False in a receiver, which acts only where no worker does.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        of_worker: bool = True,
        sender: Courier | None = None,
        schema: SchemaWatch | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._limits = settings.hookonce_notify
        self._between_looks = timedelta(seconds=0.9 * self._limits.round)
        self._of_worker = of_worker
        self._courier = sender or courier(settings)
        self._schema = schema or SchemaWatch(database)
        self._outage = Outage(self._courier, settings.hookonce_public_url)
        self._prune_at = time.monotonic() + PRUNE_SECONDS
        self._began_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing further. A message that is being sent is sent again by another process."""
        self._stop.set()

    def run_once(self) -> int:
        """Look if it is time, send what is ready; return the number of messages sent."""
        try:
            if not self._schema.current().has("notification_channels", "id"):
                return 0
            if not self._look():
                return 0
            count = self._send_ready()
        except (DatabaseUnavailable, SchemaMoved) as error:
            if self._of_worker and isinstance(error, DatabaseUnavailable):
                self._outage.failed(time.monotonic())
            return 0
        if self._of_worker:
            self._outage.ended(time.monotonic())
        return count

    def _run(self) -> None:
        while not self._stop.wait(self._limits.round):
            try:
                self.run_once()
            except Exception:
                logger.exception("notifications failed unexpectedly; the next look tries again")

    def _look(self) -> bool:
        """Store what is news; return True if this process may send."""
        with self._database.time_limit(), self._database.reading() as connection:
            listed = channels.opened(connection, self._database.secret_box)
            self._outage.channels = listed
            if not listed or not self._may_act(connection):
                return False
            now = connection.execute(sa.select(utc_now())).scalar_one()
            seen = states.last_look(connection)
            if seen is not None and -states.CLOCK_SET_BACK < now - seen < self._between_looks:
                return True
            conditions = observe.conditions(self._database, connection, self._limits, now)
            if self._has_run_long:
                conditions += observe.no_worker(connection, now)
        self._store(conditions, Look(now, listed, self._limits))
        return True

    def _may_act(self, connection: Connection) -> bool:
        """Return True in a worker; in a receiver only where no worker is alive."""
        if self._of_worker:
            return True
        return self._has_run_long and not workers.live(connection).count

    @property
    def _has_run_long(self) -> bool:
        """Return True if a worker that was started with this process would be alive by now."""
        return time.monotonic() - self._began_at >= observe.ABSENT_SECONDS

    def _store(self, conditions: list[Condition], look: Look) -> None:
        with self._database.time_limit(), self._database.writing() as connection:
            if not states.take_round(connection, look.now, self._between_looks):
                return
            states.update(connection, conditions, look)
            if time.monotonic() >= self._prune_at:
                outbox.prune(connection, look.now)
                self._prune_at = time.monotonic() + PRUNE_SECONDS

    def _send_ready(self) -> int:
        with self._database.time_limit(), self._database.reading() as connection:
            ids = outbox.ready_channels(connection, self._limits.pause)
        return sum(self._send(channel_id) for channel_id in ids if not self._stop.is_set())

    def _send(self, channel_id: int) -> int:
        """Send what waits for the channel; return the number of messages that were sent."""
        with self._database.time_limit(), self._database.writing() as connection:
            pause, secret_box = self._limits.pause, self._database.secret_box
            batch = outbox.take(connection, channel_id, secret_box, pause)
        if batch is None:
            return 0
        letter = Letter(
            batch.id, batch.messages, batch.created_at, self._settings.hookonce_public_url
        )
        failure = self._courier.send(batch.channel, letter)
        with self._database.time_limit():
            outbox.settle(self._database, batch, failure, self._limits.pause)
        _log(batch, failure)
        return 0 if failure else len(batch.messages)


class Outage:
    """The database is away: notifies by the channels that are in memory, once at each end.

    Each worker does so on its own, so several workers send several messages. A message that is not
    taken is sent again, later each time: one fault may cut off the database and the channels.
    """

    def __init__(self, courier: Courier, public_url: str) -> None:
        self.channels: list[Channel] = []
        self._courier = courier
        self._public_url = public_url
        self._since: float | None = None
        self._began_at = clock.now()
        self._notified: list[Channel] = []
        self._begin(BEGAN, [], 0.0)

    def failed(self, now: float) -> None:
        """Note a failure at this monotonic time; notify once failures have lasted."""
        if self._since is None:
            self._since, self._began_at = now, clock.now()
            wanted = [each for each in self.channels if each.wants(DATABASE, ALL_TRIGGERS)]
            self._begin(BEGAN, wanted, now + TROUBLE_SECONDS)
        self._send_waiting(now)

    def ended(self, now: float) -> None:
        """Note that the database answers again; notify the channels that were notified before."""
        if self._since is not None:
            self._since = None
            self._begin(OVER, self._notified, now)
        self._send_waiting(now)

    def _begin(self, event: str, channels: list[Channel], at: float) -> None:
        self._event, self._waiting, self._notified = event, channels, []
        self._id = f"ntf_{secrets.token_hex(12)}"
        self._tries, self._try_at = 0, at

    def _send_waiting(self, now: float) -> None:
        """Send the message to the channels that have not taken it, if it is time."""
        if not self._waiting or now < self._try_at:
            return
        self._tries += 1
        self._try_at = now + outbox.wait_seconds(self._tries)
        taken = [each for each in self._waiting if self._send(each)]
        self._notified += taken
        self._waiting = [each for each in self._waiting if each not in taken]

    def _send(self, channel: Channel) -> bool:
        content = {"since": clock.text(self._began_at)}
        news = Message(DATABASE, ALL_TRIGGERS, self._event, content)
        letter_id = f"{self._id}_{channel.id}"
        letter = Letter(letter_id, [news], clock.now(), self._public_url)
        failure = self._courier.send(channel, letter)
        outcome = {"channel": channel.name, "conditions": DATABASE, "number": 1}
        _log_outcome(outcome, failure)
        return failure is None


def _log(batch: ChannelBatch, failure: Failure | None) -> None:
    conditions = ",".join(sorted({each.kind for each in batch.messages}))
    outcome = {"channel": batch.channel.name, "conditions": conditions}
    _log_outcome({**outcome, "number": len(batch.messages)}, failure)


def _log_outcome(outcome: dict[str, object], failure: Failure | None) -> None:
    if failure is None:
        log.event(logger, logging.INFO, "notification_sent", **outcome)
    else:
        why = {**outcome, "detail": failure.sentence}
        log.event(logger, logging.WARNING, "notification_failed", **why)
