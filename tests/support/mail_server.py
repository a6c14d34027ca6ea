"""A real SMTP server on the loopback that keeps what it is sent; with STARTTLS or TLS if wanted."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class MailBox:
    """The mails that the server took; `refuse` are recipients that it does not accept."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuse: tuple[str, ...] = ()
    greeting: bytes = b"220 box.test ready\r\n"
    farewell: str = "221 bye"


@contextmanager
def listening(
    tls: ssl.SSLContext | None = None, *, from_the_beginning: bool = False
) -> Iterator[MailBox]:
    """Yield the box of a server; with `tls` it offers STARTTLS, or begins with TLS."""
    server = _Server(("127.0.0.1", 0), _Session)
    server.box, server.tls, server.wrapped = MailBox(), tls, from_the_beginning
    server.box.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.box
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    box: MailBox
    tls: ssl.SSLContext | None
    wrapped: bool

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a client that ends the connection."""


class _Session(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self._connection, self._encrypted = self.request, False
        with suppress(OSError):
            if self.server.wrapped:
                self._encrypt()
            self._connection.settimeout(120)
            self._lines = self._connection.makefile("rb")
            self._connection.sendall(self.server.box.greeting)
            while self._answer(self._lines.readline().decode().strip()):
                pass

    def finish(self) -> None:
        self._connection.close()

    def _encrypt(self) -> None:
        assert self.server.tls
        self._connection = self.server.tls.wrap_socket(self._connection, server_side=True)
        self._encrypted = True

    def _say(self, *lines: str) -> None:
        self._connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _answer(self, line: str) -> bool:
        verb, box = line.partition(" ")[0].upper(), self.server.box
        if verb == "EHLO":
            offered = self.server.tls is not None and not self._encrypted
            self._say("250-box.test", *(["250-STARTTLS"] if offered else []), "250 AUTH PLAIN")
        elif verb == "STARTTLS":
            self._say("220 go ahead")
            self._encrypt()
            self._lines = self._connection.makefile("rb")
        elif verb == "AUTH":
            box.logins.append(line)
            self._say("235 welcome")
        elif verb == "RCPT":
            refused = any(each in line for each in box.refuse)
            if not refused:
                box.recipients.append(line)
            self._say("550 no such user" if refused else "250 ok")
        elif verb == "DATA":
            self._say("354 go on")
            text = b""
            while not text.endswith(b"\r\n.\r\n"):
                text += self._lines.readline()
            box.mails.append(text.decode())
            box.encrypted.append(self._encrypted)
            self._say("250 taken")
        else:
            self._say(box.farewell if verb == "QUIT" else "250 ok")
        return verb not in ("QUIT", "")
