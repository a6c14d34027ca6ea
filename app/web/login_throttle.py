"""Limit failed logins per minute, per address and in total.

Tokens are too long to be guessed; the limit keeps login attempts cheap and the log readable.
"""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cachetools import TTLCache

from app.errors import TooManyAttempts, Unauthenticated

WINDOW_SECONDS = 60
FAILURES_PER_ADDRESS = 5
FAILURES_IN_TOTAL = 60
ADDRESSES_AT_MOST = 1_000
"""Addresses that are remembered: more than can fail before the total limit is reached."""
_TOTAL = "total"


class LoginThrottle:
    """The failed logins of the last minute, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._failed: TTLCache[str, list[None]] = TTLCache(ADDRESSES_AT_MOST, WINDOW_SECONDS, clock)
        self._lock = threading.Lock()

    @contextmanager
    def attempt(self, address: str) -> Iterator[None]:
        """Count a login attempt against its address and the total if it raises Unauthenticated.

        Raises TooManyAttempts, without starting the attempt, if a limit is reached. Attempts are
        counted when they start; otherwise many concurrent ones would all pass.
        """
        counted = self._count(_network(address))
        try:
            yield
        except Unauthenticated:
            raise
        except BaseException:
            self._uncount(counted)
            raise
        self._uncount(counted)

    def _count(self, address: str) -> list[list[None]]:
        with self._lock:
            # the total is used first, so that new addresses cannot evict it from the cache
            in_total = self._below(_TOTAL, FAILURES_IN_TOTAL)
            of_address = self._below(address, FAILURES_PER_ADDRESS)
            for failures in (in_total, of_address):
                failures.append(None)
            return [in_total, of_address]

    def _below(self, name: str, limit: int) -> list[None]:
        failures = self._failed.setdefault(name, [])
        if len(failures) >= limit:
            raise TooManyAttempts(WINDOW_SECONDS)
        return failures

    def _uncount(self, counted: list[list[None]]) -> None:
        with self._lock:
            for failures in counted:
                failures.pop()


def _network(address: str) -> str:
    """Return the /64 network of an IPv6 address, the address itself otherwise.

    One household has 2**64 IPv6 addresses; counted one by one they would escape the limit.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
