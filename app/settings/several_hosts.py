"""Read a PostgreSQL URL with several hosts, in libpq's form and in SQLAlchemy's.

libpq: `postgresql://a:1,b:2/db`. SQLAlchemy: `postgresql:///db?host=a:1&host=b:2`. SQLAlchemy's
parser refuses the first, and takes neither IPv6 addresses nor one port for all hosts.
"""

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:  # a command without a database loads no SQLAlchemy
    from sqlalchemy.engine import URL

_SEVERAL_HOSTS = re.compile(
    r"(?P<before>postgres[^:/]*://(?:[^?]*@)?)(?P<hosts>[^/?@]*,[^/?@]*)(?P<after>(?:/[^?@]*)?(?:\?.*)?)"
)
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|/[^\[\]]*?|[^\[\]:/]*)(?::(?P<port>\d*))?")
_IPV6 = re.compile(r"[0-9a-fA-F:.%]*:[0-9a-fA-F:.%]*:[0-9a-zA-Z:.%]*")
"""An IPv6 address without brackets, which has no port behind it."""
_WRITABLE = "read-write"
"""The default of target_session_attrs with several hosts: a standby can store no event."""

Hosts = list[tuple[str, str]]
"""Each host with its port; an empty one is the driver's default."""


def cut_out(text: str) -> tuple[str, str]:
    """Return the URL without its list of hosts, and that list; empty unless it has several."""
    several = _SEVERAL_HOSTS.fullmatch(text)
    if several is None:
        return text, ""
    after = several["after"]
    return several["before"] + (after if after.startswith("/") else f"/{after}"), several["hosts"]


def put_in(url: "URL", listed: str) -> "URL":
    """Return the URL with its hosts and ports as `host=a,b&port=1,2`, which the driver tries.

    `listed` are the hosts that `cut_out` returned; without any, those of the query. With several
    hosts the connection goes to one that can be written, unless the URL says otherwise.
    """
    texts = [unquote(each) for each in listed.split(",")] if listed else _in_query(url)
    hosts = _with_ports(_split(texts), url)
    if len(hosts) < 2:
        return _unquoted(url)
    if any(port and not 1 <= int(port) <= 65535 for _, port in hosts):
        raise ValueError("its port is not from 1 to 65535")
    query = {"target_session_attrs": _WRITABLE} | dict(url.query)
    query["host"] = ",".join(host for host, _ in hosts)
    query["port"] = ",".join(port for _, port in hosts)
    return url.create(url.drivername, url.username, url.password, None, None, url.database, query)


def _unquoted(url: "URL") -> "URL":
    """Return the URL with a host such as `%2Frun%2Fpostgresql` in the query, decoded as libpq does.

    SQLAlchemy decodes user and password only.
    """
    host = url.host or ""
    if "%" not in host:
        return url
    place = {"host": unquote(host)} | ({"port": str(url.port)} if url.port is not None else {})
    query = {**place, **url.query}
    return url.create(url.drivername, url.username, url.password, None, None, url.database, query)


def _in_query(url: "URL") -> list[str]:
    """Return the hosts of `?host=`, repeated or separated by commas."""
    return ",".join(url.normalized_query.get("host", ())).split(",")


def _with_ports(hosts: Hosts, url: "URL") -> Hosts:
    """Return the hosts with the ports of `?port=`, if there are any."""
    ports = ",".join(url.normalized_query.get("port", ())).split(",")
    if ports == [""]:
        return hosts
    if len(ports) == 1:
        ports *= len(hosts)  # one port for all hosts, as for libpq
    if len(ports) != len(hosts) or any(port for _, port in hosts):
        raise ValueError("it does not have one port for each host")
    if not all(port.isdecimal() or not port for port in ports):
        raise ValueError("its port is not from 1 to 65535")
    return [(host, port) for (host, _), port in zip(hosts, ports, strict=True)]


def _split(hosts: list[str]) -> Hosts:
    """Split `host:port` each; the brackets of an IPv6 address are not part of it."""
    split: Hosts = []
    for each in hosts:
        parts = _HOST_AND_PORT.fullmatch(each)
        if parts is not None:
            split.append((parts["host"].strip("[]"), parts["port"] or ""))
        elif _IPV6.fullmatch(each):
            split.append((each, ""))
        else:
            raise ValueError("one of its hosts is not written as host:port")
    return split
