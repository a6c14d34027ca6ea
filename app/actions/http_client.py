"""POST to an address that someone typed: only where it may go, and no longer than it may take.

A name is resolved once for a connection; every address that it has is checked, and the connection
goes to one that was. So a name that resolves differently a moment later leads nowhere else, while
Host and the certificate's check stay with the name. No proxy and no redirect is followed.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any

import urllib3
from cachetools import LRUCache
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Url

from app.actions.deadline import DeadlineSocket, deadline, remaining
from app.egress import Egress
from app.errors import ActionFailed
from app.lifecycle import CONFIGURATION, CONNECTION, TIMEOUT

CONNECT_SECONDS = 5.0
"""For one address, the TLS handshake not included."""
RESPONSE_BYTES = 64 * 1024
"""How much of an answer is read; a summary of it is kept."""
TARGETS = 64
"""For how many targets connections are kept, and how many of each."""
CONNECTIONS = 64
PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], list[str]]
"""The addresses of a name; raises OSError if it has none."""


@dataclass(frozen=True, slots=True)
class TargetResponse:
    """What the target said, as far as it was read."""

    status: int
    retry_after: str | None
    text: str


def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver gives, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Client:
    """Connections that are kept between requests, to targets that `egress` permits."""

    def __init__(
        self, egress: Egress, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._egress = egress
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._pools: LRUCache[tuple[str, str, int], urllib3.HTTPConnectionPool] = LRUCache(TARGETS)
        self._lock = threading.Lock()

    def post(
        self, url: Url, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> TargetResponse:
        """The answer, whatever its status, within that many seconds from now.

        Raises ActionFailed if the address is refused, or if there is no answer in time.
        """
        began = time.monotonic()
        token = deadline.set(began + seconds)
        try:
            return self._post(url, body, headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            cause = _innermost(error)
            if isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError):
                said, reason = f"timed out after {time.monotonic() - began:.1f} s", TIMEOUT
            else:
                said, reason = f"{type(cause).__name__}: {cause}", CONNECTION
            raise ActionFailed(
                f"{url.scheme}://{url.netloc}: {said}", permanent=False, reason=reason
            ) from error
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
            response.close()  # a connection is kept only where the answer was read to its end
        return TargetResponse(response.status, response.headers.get("Retry-After"), text)

    def _pool(self, url: Url) -> urllib3.HTTPConnectionPool:
        scheme, host = url.scheme or "", url.host or ""
        port = url.port or PORTS[scheme]
        with self._lock:
            pool = self._pools.get((scheme, host, port))
            if pool is None:
                pool = self._made(scheme, host, port)
                self._pools[scheme, host, port] = pool
            return pool

    def _made(self, scheme: str, host: str, port: int) -> urllib3.HTTPConnectionPool:
        given: dict[str, Any] = {"maxsize": CONNECTIONS, "connect_to": self._connected}
        if scheme == "http":
            return _Pool(host, port, **given)
        return _TlsPool(host, port, ssl_context=self._tls, **given)

    def _connected(self, host: str, port: int) -> socket.socket:
        """A connection to a checked address of the host; raises OSError, or ActionFailed."""
        addresses = self._resolved(host, port)
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

    def _resolved(self, host: str, port: int) -> list[str]:
        """The host's addresses; a resolver that does not answer is left behind."""
        answers: SimpleQueue[list[str] | Exception] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(host, port))
            except Exception as error:
                answers.put(error)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        try:
            answer = answers.get(timeout=remaining())
        except Empty:
            raise TimeoutError("timed out") from None
        if isinstance(answer, UnicodeError):
            raise OSError(f"{host!r} is no name that can be looked up") from answer
        if isinstance(answer, Exception):
            raise answer
        return answer


@cache
def client(egress: Egress) -> Client:
    """The one client of this process for these rules."""
    return Client(egress)


def _connection(address: str, port: int) -> socket.socket:
    """Connected, with the rest of the time for what follows, which may be a TLS handshake."""
    sock = socket.create_connection((address, port), min(CONNECT_SECONDS, remaining()))
    # a long body goes out in pieces: the last would wait 40 ms for the others to be acknowledged
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(remaining())
    return sock


class _BoundedResponse(http.client.HTTPResponse):
    """The final answer: of those that may come before it the library knows 100 alone.

    https://www.rfc-editor.org/rfc/rfc9110#section-15.2
    """

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        switches = status == HTTPStatus.SWITCHING_PROTOCOLS
        passed_over = status < HTTPStatus.OK and not switches
        return version, HTTPStatus.CONTINUE if passed_over else status, reason


class _CheckedConnection(HTTPConnection):
    response_class = _BoundedResponse

    def __init__(self, *args: Any, connect_to: Callable[..., socket.socket], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._connect_to = connect_to

    def _new_conn(self) -> socket.socket:
        """A reset on the way is the library's own error: of others it asks for an answer."""
        try:
            return self._connect_to(self.host, self.port)
        except ConnectionError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error

    def connect(self) -> None:
        super().connect()
        self.sock = DeadlineSocket(self.sock)


class _CheckedTlsConnection(_CheckedConnection, HTTPSConnection):
    """HTTPSConnection wraps what `_new_conn` gives, and checks the certificate for `host`."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _CheckedTlsConnection


def _refused(host: str, port: int, address: str) -> ActionFailed:
    leads = f"{host} leads to {address}" if host.strip("[]") != address else address
    return ActionFailed(
        f"{leads}, which is no public address; HOOKONCE_EGRESS_ALLOW can permit it "
        f"(such as {host}:{port})",
        permanent=True,
        reason=CONFIGURATION,
    )


def _innermost(error: BaseException) -> BaseException:
    """What went wrong at the bottom: urllib3 wraps it in words that repeat the whole address."""
    while isinstance(error, urllib3.exceptions.HTTPError):
        cause = error.__cause__ or (error.args[-1] if error.args else None)
        if not isinstance(cause, BaseException):
            break
        error = cause
    return error
