"""How often may someone try to log in? So often a minute, from one address and in all.

A token cannot be guessed; this keeps attempts from costing the service, and the log readable.
"""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cachetools import TTLCache

from app.errors import TooManyAttempts, Unauthenticated

WINDOW_SECONDS = 60
FAILURES_OF_ONE = 5
FAILURES_OF_ALL = 60
ADDRESSES_AT_MOST = 1_000
"""More than can have failed before all have to wait."""
_ALL = "all"


class LoginThrottle:
    """The failed attempts of the last minute, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._failed: TTLCache[str, list[None]] = TTLCache(ADDRESSES_AT_MOST, WINDOW_SECONDS, clock)
        self._lock = threading.Lock()

    @contextmanager
    def attempt(self, address: str) -> Iterator[None]:
        """Counts against the address and all if it ends in Unauthenticated.

        Raises TooManyAttempts instead of letting it begin. It is counted before it is made, so
        that many at once are not all let through.
        """
        counted = self._count(_of(address))
        try:
            yield
        except Unauthenticated:
            raise
        except BaseException:
            self._take_back(counted)
            raise
        self._take_back(counted)

    def _count(self, address: str) -> list[list[None]]:
        with self._lock:
            # first of all, so that strangers' addresses cannot push that number out of memory
            of_all = self._below(_ALL, FAILURES_OF_ALL)
            of_one = self._below(address, FAILURES_OF_ONE)
            for failures in (of_all, of_one):
                failures.append(None)
            return [of_all, of_one]

    def _below(self, name: str, limit: int) -> list[None]:
        failures = self._failed.setdefault(name, [])
        if len(failures) >= limit:
            raise TooManyAttempts(WINDOW_SECONDS)
        return failures

    def _take_back(self, counted: list[list[None]]) -> None:
        with self._lock:
            for failures in counted:
                failures.pop()


def _of(address: str) -> str:
    """One household's IPv6 addresses are more than anyone can count: they are one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
