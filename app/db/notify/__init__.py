"""Notify sleeping workers of a commit, so that a new execution starts at once.

A notification only saves waiting: a worker that misses it finds the execution at its next look, a
moment later.
"""

from typing import Any, Protocol


class CannotListen(Exception):
    """Notifications cannot arrive over this connection; looking for work regularly must do."""


class Listener(Protocol):
    """Waits for notifications on behalf of one worker."""

    def wait(self, seconds: float) -> bool:
        """Return True as soon as something may have been committed, else False after `seconds`.

        Raises one of the notifier's `troubles` if no notification can arrive any more.
        """

    def interrupt(self) -> None:
        """End the wait of another thread at once."""


class Notifier(Protocol):
    """Sends and receives the notifications of one database for one process."""

    troubles: tuple[type[Exception], ...]
    """Errors that end listening while the database is unavailable."""

    def notify(self) -> None:
        """Wake the workers; to be called after the commit. Never waits, never fails."""

    def listening(self) -> Any:
        """Return a context manager that yields a Listener.

        Raises CannotListen where no notification can arrive.
        """

    def close(self) -> None:
        """Send pending notifications, then stop."""
