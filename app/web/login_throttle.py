"""Answer 429 to an address whose logins keep failing, and never to a right token.

Tokens are too long to be guessed; the limit tells a program with a wrong token to slow down. A
limit that refused right tokens, or counted all addresses together, would let anyone lock everyone
out.
"""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cachetools import TTLCache

from app.errors import TooManyAttempts, Unauthenticated

WINDOW_SECONDS = 60
"""Seconds that failures are counted, from the first one."""
FAILURES_PER_ADDRESS = 5
ADDRESSES_AT_MOST = 4_096
"""Addresses that are remembered; beyond them the one that failed longest ago is forgotten."""
_NETWORK_OF_IPV6 = 64
"""Bits of the network that one household has."""


class LoginThrottle:
    """The failed logins of the last minute by address, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._failed: TTLCache[str, list[None]] = TTLCache(ADDRESSES_AT_MOST, WINDOW_SECONDS, clock)
        self._lock = threading.Lock()

    @contextmanager
    def attempt(self, address: str) -> Iterator[None]:
        """Count the attempt against its address if it raises Unauthenticated.

        Then raises TooManyAttempts instead if the address failed too often. Every attempt is made,
        so a right token is accepted from any address at any time.
        """
        try:
            yield
        except Unauthenticated:
            if self._count(_network(address)) > FAILURES_PER_ADDRESS:
                raise TooManyAttempts(WINDOW_SECONDS) from None
            raise

    def _count(self, address: str) -> int:
        with self._lock:
            failures = self._failed.setdefault(address, [])
            if len(failures) <= FAILURES_PER_ADDRESS:
                failures.append(None)
            return len(failures)


def _network(address: str) -> str:
    """Return the /64 network of an IPv6 address, an IPv4 address itself.

    One household has 2**64 IPv6 addresses; counted one by one they would escape the limit.
    IPv4 addresses in the form of IPv6 would all be one network.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(parsed), _NETWORK_OF_IPV6), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
