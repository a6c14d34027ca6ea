"""Something may be due: how a process that commits an execution wakes the workers that sleep.

A bell only saves waiting. Whoever misses it finds the execution at the next look, a moment later.
"""

from typing import Any, Protocol


class Listener(Protocol):
    """Listens for one worker."""

    def wait(self, seconds: float) -> bool:
        """Whether anything may have been committed; waits for it no longer than this.

        Raises one of the bell's troubles when nothing will be heard any more.
        """

    def interrupt(self) -> None:
        """End the waiting at once; another thread may say so."""


class Notifier(Protocol):
    """The bell of one database, as one process sees it."""

    troubles: tuple[type[Exception], ...]
    """What listening ends with when the database is away."""

    def notify(self) -> None:
        """Wake the workers; to be called after the commit. Never waits, never fails."""

    def listening(self) -> Any:
        """A context in which there is an Ear."""

    def close(self) -> None:
        """Ring no more."""
