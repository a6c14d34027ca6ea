"""A connection to PostgreSQL: it waits cooperatively, and keeps its settings behind a pooler."""

import math
import select
import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import generators, pq

from app import cooperative
from app.db import time_limit

_STANDBY_WAIT = "SyncRepWaitForLSN"
"""Function of the server that waits until a commit is on the synchronous standby."""


class Loss:
    """The last time at which a connection of this process turned out to be useless.

    Its server left it without an answer, or takes no writes any more. All connections that were
    opened before count as lost with it: each would cost a request its time limit, or an error.
    """

    noticed_at = -math.inf

    def notice(self) -> None:
        """Note that the connections opened until now are useless."""
        self.noticed_at = time.monotonic()


class PostgresqlConnection(psycopg.Connection[Any]):
    """A connection that lets an answering thread serve other requests while PostgreSQL works."""

    silence_seconds: float | None = None
    """Seconds that the server may send nothing; None: for ever."""

    loss = Loss()

    pooled = False
    """True if a pooler may give each transaction to another session of the server."""

    _of_transaction = b""
    """Statements that follow BEGIN in the same message."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._opened_at = time.monotonic()
        self._missing_on_standby = False
        self.add_notice_handler(self._notice_cancelled_wait)

    def is_alive(self) -> bool:
        """Return whether the connection is open and of use, as far as is known here.

        A server or a pooler that ended it while it was idle has sent that; nothing else comes
        unasked.
        """
        if self.closed or self._opened_at <= self.loss.noticed_at:
            return False
        arrived = select.poll()
        arrived.register(self.fileno(), select.POLLIN)
        return not arrived.poll(0)

    def find_pooler(self, setting: str) -> None:
        """Set `pooled` by HOOKONCE_POOLER; `auto` compares two process ids of the server.

        PostgreSQL gives its id on connecting, and again when it is asked. A pooler makes up the
        first one. Behind a pooler nothing is prepared: a prepared statement would stay in a session
        that another client gets next.
        """
        if setting == "auto":
            row = self.execute("SELECT pg_backend_pid()").fetchone()
            self.pooled = row is not None and row[0] != self.info.backend_pid
        else:
            self.pooled = setting == "yes"
        if self.pooled:
            self.prepare_threshold = None

    def keep(self, settings: Mapping[str, str | int]) -> None:
        """Set these for the session; behind a pooler for each transaction, without a round trip.

        A session of a pooler goes to other clients, who would get our settings. A single statement
        outside a transaction has the server's own there: see docs/postgresql.md.
        """
        if self.pooled:
            texts = [f"; SET LOCAL {name} = {value}" for name, value in settings.items()]
            self._of_transaction += "".join(texts).encode()
        else:
            self.execute("; ".join(f"SET {name} = {value}" for name, value in settings.items()))

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Any:
        """Connect within the request's time limit: the driver's own is one for each host."""
        steps = super()._connect_gen(conninfo)
        try:
            awaited = next(steps)
            while not time_limit.is_over():
                awaited = steps.send((yield awaited))
        except StopIteration as connected:
            return connected.value
        raise psycopg.errors.ConnectionTimeout("no connection within the time limit")

    def _start_query(self) -> Any:
        """Begin a transaction where one is needed, with the settings that are kept for it."""
        is_idle = self.pgconn.transaction_status == pq.TransactionStatus.IDLE
        if not self._of_transaction or self._autocommit or not is_idle:
            yield from super()._start_query()
            return
        self._check_connection_ok()
        self.pgconn.send_query(self._get_tx_start_command() + self._of_transaction)
        for result in (yield from generators.execute(self.pgconn)):
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result, self.pgconn._encoding)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)  # the caller handles its own time-out
        result = self._wait_within_limits(gen, interval)
        if self._missing_on_standby:
            self.close()
            raise psycopg.OperationalError("the commit is not known to be on the standby")
        return result

    def _wait_within_limits(self, gen: Any, interval: float) -> Any:
        seconds = self._seconds_to_wait()
        try:
            if seconds == 0.0:
                raise TimeoutError
            if cooperative.on_answering_thread():
                return cooperative.wait_io(gen, self.fileno(), seconds)
            return super().wait(gen, interval, seconds)
        except (TimeoutError, psycopg.errors._WaitTimeout) as error:
            self.loss.notice()
            self.close()  # the outcome of the statement can no longer be known
            message = f"the server has said nothing for {seconds:.1f} s"
            raise psycopg.OperationalError(message) from error

    def _seconds_to_wait(self) -> float | None:
        if self.silence_seconds is None and time_limit.end() is None:
            return None
        return time_limit.shortest(self.silence_seconds or math.inf)

    def _notice_cancelled_wait(self, notice: psycopg.errors.Diagnostic) -> None:
        """Note that a person cancelled the wait for the standby: the server reports a success."""
        self._missing_on_standby |= notice.source_function == _STANDBY_WAIT
