"""A real HTTP server on the loopback that records requests and sends a chosen response."""

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1/32"
"""The network of the sinks; actions may call it only if HOOKONCE_EGRESS_ALLOW contains it."""


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Sink:
    """The response is `status`, `headers` and `body`; `silent`: there is none."""

    url: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thank you"
    silent: bool = False
    received: list[Received] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def listening() -> Iterator[Sink]:
    server = _Server(("127.0.0.1", 0), _Handler)
    sink = Sink(f"http://127.0.0.1:{server.server_port}")
    server.sink = sink  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield sink
    finally:
        sink.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # with the library's 5, many workers at once would wait a second

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print no error about a client that was killed in the middle of its request."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sink: Sink = self.server.sink  # type: ignore[attr-defined]
        length = int(self.headers.get("Content-Length", 0))
        sink.received.append(Received(self.path, self.headers, self.rfile.read(length)))
        if sink.silent:
            sink.closing.wait(600)
            return
        self.send_response(sink.status)
        for name, value in sink.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sink.body)))
        self.end_headers()
        self.wfile.write(sink.body)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_args: object) -> None:
        """Print no access log: the test reads `received`."""
