"""Targets that misbehave: real servers on the loopback with a function for each connection."""

import datetime
import ipaddress
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 240.0


@dataclass
class Target:
    """A server's port, and the connections and requests that it received."""

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """The server names that TLS connections requested."""
    closing: threading.Event = field(default_factory=threading.Event)

    def request(self, connection: socket.socket) -> bytes:
        """Read the next request on the connection; empty once the client has closed it."""
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = connection.recv(65536)
            if not chunk:
                return b""
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]


Behaviour = Callable[[Target, socket.socket], None]


def answering(answer: bytes) -> Behaviour:
    """Return a behaviour: answer each request until the client closes the connection."""

    def behave(target: Target, connection: socket.socket) -> None:
        while target.request(connection):
            connection.sendall(answer)

    return behave


def dripping(first: bytes) -> Behaviour:
    """Return a behaviour: begin an answer, then send single bytes for ever."""

    def behave(target: Target, connection: socket.socket) -> None:
        target.request(connection)
        connection.sendall(first)
        while not target.closing.wait(0.05):
            connection.sendall(b"x")

    return behave


@contextmanager
def listening(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Target]:
    """Yield a target on the loopback that handles each connection in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = Target(server.getsockname()[1])
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                wrapped = tls.wrap_socket(connection, server_side=True) if tls else connection
                with wrapped:
                    behave(target, wrapped)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    if target.closing.is_set():
                        connection.close()
                        return
                    connection.settimeout(DEADLINE_SECONDS)
                    target.connections += 1
                    threads.append(threading.Thread(target=serve, args=[connection], daemon=True))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        if tls:
            tls.sni_callback = lambda _socket, name, _context: target.names.append(name)
        try:
            yield target
        finally:
            target.closing.set()
            socket.create_connection(("127.0.0.1", target.port)).close()
            accepting.join(DEADLINE_SECONDS)


_ANSWERING = """
import sys
from tests.support import targets
with targets.listening(targets.answering(bytes.fromhex(sys.argv[1]))) as target:
    print(target.port, flush=True)
    sys.stdin.read()
"""


@contextmanager
def answering_elsewhere(answer: bytes) -> Iterator[int]:
    """Yield the port of a target in a process of its own, which needs no descriptor of this one."""
    command = [sys.executable, "-c", _ANSWERING, answer.hex()]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield int(process.stdout.readline())
        process.stdin.close()


def certified(directory: Path, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return TLS contexts: of a server with these names, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    shown, private = directory / "certificate.pem", directory / "key.pem"
    shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(shown, private)
    return server, ssl.create_default_context(cafile=str(shown))


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
