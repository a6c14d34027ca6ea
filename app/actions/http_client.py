"""POST to an address that a person typed, within the egress rules and the deadline.

A name is resolved once for each connection. Every address of it is checked, and the connection
goes to a checked one, so a name that resolves differently a moment later leads nowhere else. Host
and the check of the certificate use the name. No proxy is used and no redirect is followed.
"""

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any

import urllib3
from cachetools import LRUCache
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Url

from app.actions.deadline import DeadlineSocket, deadline, on_send, remaining
from app.egress import Egress
from app.errors import ActionFailed, MachineTrouble, is_machine_trouble
from app.lifecycle import CONFIGURATION, CONNECTION, INTERNAL, TIMEOUT

CONNECT_SECONDS = 5.0
"""Seconds to connect to one address, without the TLS handshake."""
RESPONSE_BYTES = 64 * 1024
"""Bytes of a response that are read; a summary of them is stored."""
TARGETS = 64
"""Targets to which connections are kept open."""
CONNECTIONS = 64
"""Connections that are kept open to each target."""
RESOLVER_DESCRIPTORS = 4
"""Descriptors that the system's resolver may need at a time."""
PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], list[str]]
"""A function from a host name and port to its addresses; OSError if there are none."""


@dataclass(frozen=True, slots=True)
class TargetResponse:
    """The target's response; `text` has its first RESPONSE_BYTES bytes."""

    status: int
    retry_after: str | None
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses that the system's resolver gives, in its order."""
    try:
        results = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        _require_descriptors()
        raise
    except OSError as error:  # its own failure: EBUSY where it lacks a descriptor
        raise MachineTrouble(f"{host} cannot be resolved here: {error}", reason=INTERNAL) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in results))


def _require_descriptors() -> None:
    """Raise OSError if the resolver lacked descriptors: it then says that the name is unknown."""
    with ExitStack() as opened:
        for _ in range(RESOLVER_DESCRIPTORS):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))


class Client:
    """An HTTP client that keeps connections open, to targets that `egress` permits."""

    def __init__(
        self, egress: Egress, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._egress = egress
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._pools: LRUCache[tuple[str, str, int], urllib3.HTTPConnectionPool] = LRUCache(TARGETS)
        self._lock = threading.Lock()

    def post(
        self,
        url: Url,
        body: bytes,
        headers: Mapping[str, str],
        seconds: float,
        *,
        sending: Callable[[], None] | None = None,
    ) -> TargetResponse:
        """Send the request and return the response, of any status, within `seconds`.

        `sending` is called before bytes of the request leave: never if no connection was made.
        Raises ActionFailed if the address is refused, or if no response comes in time.
        """
        began = time.monotonic()
        token = deadline.set(began + seconds)
        note = on_send.set(sending or on_send.get())
        try:
            return self._post(url, body, headers)
        except (urllib3.exceptions.HTTPError, OSError, RuntimeError, MemoryError) as error:
            cause = _innermost(error)
            if is_machine_trouble(cause):
                raise MachineTrouble(
                    f"no connection to {url.scheme}://{url.netloc} can be made here: {cause}",
                    reason=CONNECTION if isinstance(cause, socket.gaierror) else INTERNAL,
                ) from error
            if isinstance(error, RuntimeError | MemoryError):
                raise
            if isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError):
                problem, reason = f"timed out after {time.monotonic() - began:.1f} s", TIMEOUT
            else:
                problem, reason = f"{type(cause).__name__}: {cause}", CONNECTION
            raise ActionFailed(
                f"{url.scheme}://{url.netloc}: {problem}", permanent=False, reason=reason
            ) from error
        finally:
            on_send.reset(note)
            deadline.reset(token)

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Return a connection to a permitted address of the host, for another protocol than HTTP.

        Raises OSError, or ActionFailed if the address is refused.
        """
        token = deadline.set(time.monotonic() + seconds)
        try:
            return self._connect(host, port)
        finally:
            deadline.reset(token)

    def _post(self, url: Url, body: bytes, headers: Mapping[str, str]) -> TargetResponse:
        response = self._pool(url).urlopen(
            "POST",
            url.request_uri,
            body=body,
            headers=headers,
            timeout=remaining(),
            redirect=False,
            retries=False,
            preload_content=False,
        )
        try:
            text = response.read(RESPONSE_BYTES, decode_content=False).decode("utf-8", "replace")
        finally:
            response.close()  # the connection is kept only if the response was read to its end
        retry_after = response.headers.get("Retry-After")
        return TargetResponse(response.status, retry_after, text, response.headers)

    def _pool(self, url: Url) -> urllib3.HTTPConnectionPool:
        scheme, host = url.scheme or "", url.host or ""
        port = url.port or PORTS[scheme]
        with self._lock:
            pool = self._pools.get((scheme, host, port))
            if pool is None:
                pool = self._new_pool(scheme, host, port)
                self._pools[scheme, host, port] = pool
            return pool

    def _new_pool(self, scheme: str, host: str, port: int) -> urllib3.HTTPConnectionPool:
        options: dict[str, Any] = {"maxsize": CONNECTIONS, "connect_to": self._connect}
        if scheme == "http":
            return _Pool(host, port, **options)
        return _TlsPool(host, port, ssl_context=self._tls, **options)

    def _connect(self, host: str, port: int) -> socket.socket:
        """Return a connection to a checked address of the host; raises OSError or ActionFailed."""
        addresses = self._addresses(host, port)
        for address in addresses:
            if not self._egress.permits(host, port, address):
                raise _refused(host, port, address)
        problem: OSError = OSError(f"{host} has no address")
        for address in addresses:
            try:
                return _connection(address, port)
            except OSError as error:
                problem = error
        raise problem

    def _addresses(self, host: str, port: int) -> list[str]:
        """Resolve the host in a thread of its own, which is abandoned at the deadline."""
        results: SimpleQueue[list[str] | Exception] = SimpleQueue()

        def resolve() -> None:
            try:
                results.put(self._resolve(host, port))
            except Exception as error:
                results.put(error)

        threading.Thread(target=resolve, name="resolve", daemon=True).start()
        try:
            result = results.get(timeout=remaining())
        except Empty:
            raise TimeoutError("timed out") from None
        if isinstance(result, UnicodeError):
            raise OSError(f"{host!r} is not a name that can be resolved") from result
        if isinstance(result, Exception):
            raise result
        return result


@cache
def client(egress: Egress) -> Client:
    """Return this process's one client for these rules."""
    return Client(egress)


def _connection(address: str, port: int) -> socket.socket:
    """Connect; the remaining time limits what follows, such as a TLS handshake."""
    sock = socket.create_connection((address, port), min(CONNECT_SECONDS, remaining()))
    # a long body is sent in pieces: without it the last waits 40 ms for the ACK of the others
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(remaining())
    return sock


class _BoundedResponse(http.client.HTTPResponse):
    """The final response, after any number of interim ones: the library knows only 100.

    https://www.rfc-editor.org/rfc/rfc9110#section-15.2
    """

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        switches = status == HTTPStatus.SWITCHING_PROTOCOLS
        interim = status < HTTPStatus.OK and not switches
        return version, HTTPStatus.CONTINUE if interim else status, reason


class _CheckedConnection(HTTPConnection):
    response_class = _BoundedResponse

    def __init__(self, *args: Any, connect_to: Callable[..., socket.socket], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._connect_to = connect_to

    def _new_conn(self) -> socket.socket:
        """Connect; a reset becomes the library's error, or it would go on and read a response."""
        try:
            return self._connect_to(self.host, self.port)
        except ConnectionError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error

    def connect(self) -> None:
        super().connect()
        self.sock = DeadlineSocket(self.sock)


class _CheckedTlsConnection(_CheckedConnection, HTTPSConnection):
    """HTTPSConnection wraps the socket of `_new_conn`, and checks the certificate for `host`."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _CheckedTlsConnection


def _refused(host: str, port: int, address: str) -> ActionFailed:
    target = f"{host} resolves to {address}, which" if host.strip("[]") != address else address
    return ActionFailed(
        f"{target} is not a public address; HOOKONCE_EGRESS_ALLOW can permit it "
        f"(such as {host}:{port})",
        permanent=True,
        reason=CONFIGURATION,
    )


def _innermost(error: BaseException) -> BaseException:
    """Return the innermost error: urllib3 wraps it in messages that repeat the whole address."""
    while isinstance(error, urllib3.exceptions.HTTPError):
        cause = error.__cause__ or (error.args[-1] if error.args else None)
        if not isinstance(cause, BaseException):
            break
        error = cause
    return error
