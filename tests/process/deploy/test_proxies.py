"""The proxies of deploy/, in front of a receiver, pass on requests of every form."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.ledger import Ledger
from tests.support.programs import require
from tests.support.service import Gunicorn, Service, until
from tests.support.socket_sender import Sender, event
from tests.support.thorough import THOROUGH

DEPLOY = ROOT / "deploy"
pytestmark = pytest.mark.parametrize("kind", ["sqlite"])  # a proxy sees nothing of the database
LARGEST = 1_048_576
FORGED = "203.0.113.9"
PIECE_SECONDS = 0.3
"""Seconds between two pieces of a slow body."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy: its TLS port, and the sender whose signatures fit."""

    port: int
    sender: Sender

    @contextmanager
    def connected(self) -> Iterator[http.client.HTTPSConnection]:
        """Yield a TLS connection to the proxy."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        https = http.client.HTTPSConnection("localhost", self.port, timeout=120, context=context)
        try:
            yield https
        finally:
            https.close()

    def post(
        self,
        connection: http.client.HTTPSConnection,
        body: bytes,
        pieces: Iterator[bytes] | None = None,
    ) -> int:
        """Send a signed event on the connection, chunked if in pieces; return the status."""
        headers = {"X-Webhook-Signature": self.sender.signature(body), "Host": "hooks.example.com"}
        if pieces is not None:
            headers["Transfer-Encoding"] = "chunked"
        chunked = pieces is not None
        connection.request(
            "POST", self.sender.path, pieces or body, headers, encode_chunked=chunked
        )
        response = connection.getresponse()
        response.read()
        return response.status


def _nginx(directory: Path, text: str) -> list[str]:
    user = "user root;" if os.geteuid() == 0 else ""  # another cannot look into the directory
    (directory / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {directory}/pid; error_log stderr;\n"
        "events {}\nhttp {\naccess_log off;\n"
        f"client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;\n"
        f"fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u;\n"
        f"scgi_temp_path {directory}/s;\n{text}\n}}\n"
    )
    return [require("nginx", package="nginx"), "-c", str(directory / "nginx.conf")]


def _haproxy(directory: Path, text: str) -> list[str]:
    (directory / "haproxy.cfg").write_text(text)
    return [require("haproxy", package="haproxy"), "-db", "-f", str(directory / "haproxy.cfg")]


def _caddy(directory: Path, text: str) -> list[str]:
    own = f"tls {directory}/certificate.pem {directory}/key.pem"
    text = text.replace("reverse_proxy", f"{own}\n\treverse_proxy", 1)
    (directory / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
    caddy = require("caddy", package="caddy")
    return [caddy, "run", "--adapter", "caddyfile", "--config", str(directory / "Caddyfile")]


PROXIES: dict[str, tuple[str, Callable[[Path, str], list[str]]]] = {
    "nginx": ("nginx/hookonce.conf", _nginx),
    "haproxy": ("haproxy/haproxy.cfg", _haproxy),
    "caddy": ("caddy/Caddyfile", _caddy),
}


def _adapted(text: str, directory: Path, port: int, receiver: int) -> str:
    """Return the example with the ports and the certificate of this test."""
    for printed, ours in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("bind :443", f"bind 127.0.0.1:{port}"),
        ("hooks.example.com {", f"https://hooks.example.com:{port}, https://localhost:{port} {{"),
        ("127.0.0.1:8000", f"127.0.0.1:{receiver}"),
        ("/etc/ssl/hookonce", str(directory)),
    ):
        text = text.replace(printed, ours)
    return text


def _make_certificate(directory: Path) -> None:
    openssl = require("openssl", package="openssl")
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", directory / "key.pem", "-out", directory / "certificate.pem"]
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *named, *files]
    subprocess.run([openssl, *made], check=True, capture_output=True)
    both = (directory / "certificate.pem").read_text() + (directory / "key.pem").read_text()
    (directory / "haproxy.pem").write_text(both)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _accepts(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def receiver(service: Service) -> Gunicorn:
    return service.gunicorn(workers=1, HOOKONCE_PROXY_COUNT="1")


@pytest.fixture(params=PROXIES if THOROUGH else ["nginx"])
def proxy(
    request: pytest.FixtureRequest,
    receiver: Gunicorn,
    ledger: Ledger,
    tmp_path: Path,
) -> Iterator[Proxy]:
    """Yield a proxy with the example of deploy/, in front of the receiver."""
    example, prepare = PROXIES[request.param]
    directory = tmp_path / "proxy"
    directory.mkdir()
    _make_certificate(directory)
    port = _free_port()
    text = _adapted((DEPLOY / example).read_text(), directory, port, receiver.port)
    command = prepare(directory, text)
    sender = ledger.sender(receiver)
    with (directory / "log").open("wb") as log:
        running = subprocess.Popen(
            command,
            cwd=directory,
            env=os.environ | {"HOME": str(directory)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        until(lambda: _accepts(port) or running.poll() is not None, "the proxy")
        assert running.poll() is None, (directory / "log").read_text()
        until(lambda: _reaches(port), "a receiver that the proxy takes for healthy")
        yield Proxy(port, sender)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def _connections(port: int) -> int:
    """Return the number of connections that are established with this local port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def _reaches(port: int) -> bool:
    proxy = Proxy(port, Sender(port, 0, ""))
    with proxy.connected() as connection, suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz", headers={"Host": "hooks.example.com"})
        return connection.getresponse().status == 200
    return False


def test_events_of_every_form_are_admitted_once_behind_the_proxy(
    proxy: Proxy, ledger: Ledger
) -> None:
    large = event("large", filler="x" * (LARGEST - 200))
    slow = event("slow", filler="y" * 5_000)

    def drip() -> Iterator[bytes]:
        for start in range(0, len(slow), 1_000):
            yield slow[start : start + 1_000]
            time.sleep(PIECE_SECONDS)

    in_chunks = event("chunked", filler="z" * 20_000)
    with proxy.connected() as connection:
        statuses = {
            "plain": proxy.post(connection, event("plain")),
            "on the same connection": proxy.post(connection, event("second")),
            "chunked": proxy.post(connection, in_chunks, iter([in_chunks])),
            "large": proxy.post(connection, large),
            "slow": proxy.post(connection, slow, drip()),
            "duplicate": proxy.post(connection, event("plain")),
        }

    assert statuses == dict.fromkeys(statuses, 200)
    keys = ledger.rows_by_key()
    assert dict(keys) == dict.fromkeys(("plain", "second", "chunked", "large", "slow"), 1)


def test_a_sender_that_leaves_in_the_middle_of_a_request_leaves_nothing_behind(
    proxy: Proxy, receiver: Gunicorn, ledger: Ledger
) -> None:
    body = event("half", filler="x" * 50_000)
    head = f"POST {proxy.sender.path} HTTP/1.1\r\nHost: hooks.example.com\r\n"
    head += f"X-Webhook-Signature: {proxy.sender.signature(body)}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    for _ in range(20):
        with proxy.connected() as connection:
            connection.connect()
            connection.sock.sendall(head.encode() + body[:25_000])

    with proxy.connected() as connection:
        status = proxy.post(connection, event("whole"))

    assert status == 200
    assert dict(ledger.rows_by_key()) == {"whole": 1}
    until(lambda: _connections(receiver.port) == 0, "the end of all connections to the receiver")


def test_a_sender_may_speak_http_2(proxy: Proxy, ledger: Ledger, tmp_path: Path) -> None:
    curl = require("curl", package="curl")
    body = event("over HTTP/2", filler="x" * 100_000)
    (tmp_path / "body").write_bytes(body)
    signature = f"X-Webhook-Signature: {proxy.sender.signature(body)}"
    posted = ["--header", signature, "--data-binary", f"@{tmp_path}/body"]
    printed = [
        "--output",
        str(tmp_path / "response"),
        "--write-out",
        "%{http_version} %{http_code}",
    ]
    resolved = ["--insecure", "--resolve", f"hooks.example.com:{proxy.port}:127.0.0.1"]
    url = f"https://hooks.example.com:{proxy.port}{proxy.sender.path}"
    options = ["--silent", "--show-error", "--http2", *posted, *printed, *resolved]
    response = subprocess.run([curl, *options, url], capture_output=True, text=True, timeout=120)

    assert response.stdout == "2 200", response.stderr
    assert dict(ledger.rows_by_key()) == {"over HTTP/2": 1}


def test_a_body_over_our_limit_is_answered_413_by_the_receiver(proxy: Proxy) -> None:
    with proxy.connected() as connection:
        status = proxy.post(connection, event("over", filler="x" * LARGEST))

    assert status == 413


def test_the_address_of_a_client_behind_the_proxy_cannot_be_forged(
    proxy: Proxy, service: Service
) -> None:
    token = json.loads(
        service.run("hookonce", "token", "add", "me", "--role", "admin", "--json").stdout
    )["token"]
    headers = {
        "Authorization": f"Bearer {token}",
        "X-Forwarded-For": FORGED,
        "Content-Type": "application/json",
        "Host": "hooks.example.com",
    }
    new = {"name": "behind", "source": "custom", "action_type": "noop", "action_payload": "x"}

    with proxy.connected() as connection:
        connection.request("POST", "/api/triggers", json.dumps(new), headers)
        response = connection.getresponse()
        assert response.status == 201, response.read()

    audit = json.loads(service.run("hookonce", "audit", "list", "--json").stdout)["rows"]
    assert audit[0]["origin"] in ("127.0.0.1", "::1")
