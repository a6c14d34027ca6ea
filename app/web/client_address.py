"""Find the address of a client behind the configured number of proxies.

A number that does not fit the proxies in front is logged, once in each process: with a number that
is too low everyone has a proxy's address, with one that is too high anyone can forge an address.
"""

import ipaddress
import logging
import re
from functools import lru_cache

import falcon

from app import log

TOO_LOW = "proxy_count_too_low"
TOO_HIGH = "proxy_count_too_high"
logger = logging.getLogger("hookonce.web")

_WITH_PORT = re.compile(r"^(?:\[([^]]+)\]|([^:]+)):\d+$")
_logged: set[str] = set()
_DETAILS = {
    TOO_LOW: "HOOKONCE_PROXY_COUNT is lower than the number of proxies in front: the address of a "
    "proxy is taken for that of each client",
    TOO_HIGH: "HOOKONCE_PROXY_COUNT is higher than the number of proxies in front: a client can "
    "forge its address by a header X-Forwarded-For",
}


def of(req: falcon.Request, proxy_count: int) -> str:
    """Return the client's IP address; the peer's where the proxies named no valid one."""
    peer = _peer(req.env.get("REMOTE_ADDR", ""))
    forwarded: str | None = req.env.get("HTTP_X_FORWARDED_FOR")
    if forwarded is None:
        if proxy_count and not _is_internal(peer):
            _log_once(TOO_HIGH, peer, proxy_count, 0)
        return peer
    hops = forwarded.split(",")
    if proxy_count == 0:
        if _is_internal(peer):
            _log_once(TOO_LOW, peer, proxy_count, len(hops))
        return peer
    if proxy_count > len(hops):
        _log_once(TOO_HIGH, peer, proxy_count, len(hops))
        return peer
    client = _address(hops[-proxy_count])
    if client is None:
        return peer
    if len(hops) > proxy_count and _is_internal(client):
        _log_once(TOO_LOW, peer, proxy_count, len(hops))
    return client


@lru_cache(maxsize=256)
def _peer(address: str) -> str:
    """Return the address of a connection; of a Unix socket, which has none, what it says."""
    return _address(address) or address


def _address(hop: str) -> str | None:
    """Return the address of a hop, without the port that some proxies add; None if it is none.

    A socket for IPv6 that takes IPv4 too gives ::ffff:192.0.2.1, which Python takes for internal.
    """
    match = _WITH_PORT.match(hop.strip())
    try:
        parsed = ipaddress.ip_address((match[1] or match[2]) if match else hop.strip())
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


@lru_cache(maxsize=256)
def _is_internal(address: str) -> bool:
    """Return True for an address of this machine or of a network of our own, as a proxy has."""
    try:
        return not ipaddress.ip_address(address).is_global
    except ValueError:  # a Unix socket has no address
        return True


def _log_once(name: str, peer: str, proxy_count: int, forwarded_addresses: int) -> None:
    if name in _logged:
        return
    _logged.add(name)
    with log.of(None):  # it is about the configuration, and no line of this request
        log.event(
            logger,
            logging.WARNING,
            name,
            detail=_DETAILS[name],
            proxy_count=proxy_count,
            forwarded_addresses=forwarded_addresses,
            peer=peer,
        )
