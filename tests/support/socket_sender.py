"""A sender over a real socket: signs requests, sends them and reads the answers."""

import hashlib
import hmac
import http.client
import json
import socket
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

TIMEOUT_SECONDS = 120.0
OK = b'{"status": "ok"}'


@dataclass(frozen=True, slots=True)
class Answer:
    """The response as the sender sees it."""

    status: int
    retry_after: str | None
    body: bytes

    @property
    def acknowledged(self) -> bool:
        return self.status == 200 and self.body == OK


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends to one trigger; knows its address and secret."""

    port: int
    trigger_id: int
    secret: str

    @property
    def path(self) -> str:
        return f"/api/triggers/webhook/{self.trigger_id}"

    def post(self, body: bytes, content_type: str | None = "application/json") -> Answer:
        """Send the signed body; return the answer."""
        headers = {"X-Webhook-Signature": self.signature(body)}
        if content_type is not None:
            headers["Content-Type"] = content_type
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", self.path, body, headers)
            return answer(connection.getresponse())
        finally:
            connection.close()

    def post_event(self, key: str) -> Answer:
        """Send an event with this idempotency key; return the answer."""
        return self.post(event(key))

    def post_at_once(self, body: bytes, count: int) -> list[Answer]:
        """Send the request `count` times at one moment, over connections made before."""
        raw = self.raw(body)
        sockets = [self.connected() for _ in range(count)]
        together = threading.Barrier(count)

        def send(connection: socket.socket) -> Answer:
            with connection:
                together.wait(TIMEOUT_SECONDS)
                connection.sendall(raw)
                return read(connection)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(send, sockets))

    def connected(self) -> socket.socket:
        """Return a connection that a worker process has already accepted."""
        connection = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: hookonce\r\n\r\n")
        assert read(connection).status == 200
        return connection

    def raw(self, body: bytes) -> bytes:
        """Return the bytes of the whole request."""
        return self.head(body, f"Content-Length: {len(body)}") + body

    def head(self, signed: bytes, *lines: str) -> bytes:
        """Return request line and headers, with the signature of the body and these lines."""
        named = (
            f"POST {self.path} HTTP/1.1",
            "Host: hookonce",
            "Content-Type: application/json",
            f"X-Webhook-Signature: {self.signature(signed)}",
            *lines,
        )
        return "".join(f"{line}\r\n" for line in named).encode() + b"\r\n"

    def signature(self, body: bytes) -> str:
        return hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()


def event(key: str, **more: str) -> bytes:
    """Return a body with this idempotency key."""
    return json.dumps({"idempotency_key": key, "text": "hello", **more}).encode()


def chunked(body: bytes, size: int) -> Iterable[bytes]:
    """Yield the body in the chunked transfer coding, in pieces of at most `size` bytes."""
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def read(connection: socket.socket) -> Answer:
    """Read the answer from the connection."""
    response = http.client.HTTPResponse(connection, method="POST")
    try:
        response.begin()
        return answer(response)
    finally:
        response.close()


def answer(response: http.client.HTTPResponse) -> Answer:
    return Answer(response.status, response.getheader("Retry-After"), response.read())
