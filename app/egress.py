"""Egress rules: actions may call public addresses, and those that the operator lists. Pure.

Anyone who may edit triggers chooses the addresses, and the calls come from inside our network.
"""

import ipaddress
import re
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# https://www.iana.org/assignments/iana-ipv4-special-registry/
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # in a public range, yet a cloud's service for its own machines
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # https://www.iana.org/assignments/iana-ipv6-special-registry/
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_CARRY_IPV4 = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
"""IPv4-mapped addresses, and those that a translator (NAT64) makes of IPv4 addresses."""
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_LIKE_AN_ADDRESS = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")
"""No host name ends with a number; system calls read 127.1, 0x7f.1 and 2130706433 as addresses."""
_WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Egress:
    """The addresses that actions may call beyond the public ones."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[tuple[str, int | None]] = frozenset()
    """Names, and addresses with a port; the port None permits every port."""

    def permits(self, host: str, port: int, address: str) -> bool:
        """Return True if `host`, which resolved to `address`, may be called at `port`."""
        name = named(host)
        if self.hosts & {(name, None), (name, port)}:
            return True
        try:
            resolved = ipaddress.ip_address(address)
        except ValueError:
            return False
        reached = _reached(resolved)
        if any((str(each), port) in self.hosts for each in (resolved, reached)):
            return True
        if any(each in network for network in self.networks for each in (resolved, reached)):
            return True
        return _public(reached)


PUBLIC_ONLY = Egress()


def read(text: str) -> Egress:
    """Read the rules from a comma-separated list of networks, addresses, names and host:port.

    Raises ValueError with a sentence that names the first invalid entry.
    """
    entries = [entry.strip().lower() for entry in text.split(",")]
    networks: list[Network] = []
    hosts: set[tuple[str, int | None]] = set()
    for entry in entries:
        if not entry:
            raise ValueError("it has an empty entry")
        network = _network(entry)
        if network is None:
            hosts.add(_host(entry))
        else:
            networks.append(network)
    return Egress(tuple(networks), frozenset(hosts))


def named(host: str) -> str:
    """Return the host as it is compared: lower case, no final dot, no brackets."""
    return host.lower().rstrip(".").strip("[]")


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError as error:
        if "/" in entry:
            raise ValueError(f"{entry!r} is not a network: {error}") from None
        return None


def _host(entry: str) -> tuple[str, int | None]:
    match = _WITH_PORT.fullmatch(entry)
    name, port = (match["host"], int(match["port"])) if match else (entry, None)
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(f"the port of {entry!r} is not from 1 to 65535")
    if (address := _address(name)) is not None:
        return address, port
    name = named(name)
    if not _NAME.fullmatch(name) or _LIKE_AN_ADDRESS.fullmatch(name):
        raise ValueError(f"{entry!r} is not a network, address, host name or host:port")
    return name, port


def _address(text: str) -> str | None:
    try:
        bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def _reached(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address carries and a call reaches; else the address."""
    if isinstance(address, ipaddress.IPv6Address) and any(address in each for each in _CARRY_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _public(address: Address) -> bool:
    # our own list: the results of `is_global` and `is_private` differ between versions of Python
    if any(address in network for network in _NOT_PUBLIC):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    return address in _GLOBAL_UNICAST and address.scope_id is None
