"""Hostile requests over a real socket: bytes that no HTTP library sends and gunicorn must parse."""

import contextlib
import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.db import Database
from app.settings import from_environment
from tests.support.databases import Databases
from tests.support.ledger import Ledger
from tests.support.service import Gunicorn, Service
from tests.support.socket_sender import Sender, chunked, event, read

KEY = "paid-1"
BODY = event(KEY)
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = "Transfer-Encoding: chunked"
IN_CHUNKS = b"".join(chunked(BODY, 7))
ONE_CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Yield one gunicorn and its database for all requests of this module."""

    gunicorn: Gunicorn
    ledger: Ledger


@pytest.fixture(scope="module")
def receiver(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Use SQLite: gunicorn parses a request before the database is used."""
    directory = tmp_path_factory.mktemp("hostile")
    with databases.at_head("sqlite") as url:
        service = Service(directory, DATABASE_URL=url, HOOKONCE_SCRIPTS_DIR=str(directory))
        database = Database(from_environment({"DATABASE_URL": url}))
        try:
            yield Receiver(service.gunicorn(), Ledger(database, directory))
        finally:
            service.remove()
            database.dispose()


@pytest.fixture
def sender(receiver: Receiver, request: pytest.FixtureRequest) -> Sender:
    """Return a sender to a trigger of this test alone."""
    name = f"t{abs(hash(request.node.name))}"
    return receiver.ledger.sender(receiver.gunicorn, name)


FRAMED = {
    "a length": ([LENGTH], BODY, 200),
    "chunks": ([CHUNKED], IN_CHUNKS, 200),
    "a length and chunks": ([LENGTH, CHUNKED], IN_CHUNKS, 400),
    "chunks and a length": ([CHUNKED, LENGTH], IN_CHUNKS, 400),
    "a length of nothing and chunks": (["Content-Length: 0", CHUNKED], IN_CHUNKS, 400),
    "the length twice": ([LENGTH, LENGTH], BODY, 400),
    "two lengths": ([LENGTH, "Content-Length: 1"], BODY, 400),
    "two lengths in one": ([f"Content-Length: {len(BODY)}, 1"], BODY, 400),
    "no length": ([], BODY, 401),
    "a length of nothing": (["Content-Length: 0"], BODY, 401),
    "a length too small": (["Content-Length: 1"], BODY, 401),
    "a length too large": (["Content-Length: 1000"], BODY, 400),
    "a length beyond the limit": (["Content-Length: 1048577"], BODY, 413),
    "a length beyond all bounds": (["Content-Length: " + "9" * 30], BODY, 413),
    "a negative length": (["Content-Length: -1"], BODY, 400),
    "a length with a plus": ([f"Content-Length: +{len(BODY)}"], BODY, 400),
    "a length with an exponent": (["Content-Length: 1e1"], BODY, 400),
    "a hexadecimal length": (["Content-Length: 0x10"], BODY, 400),
    "a length with a point": (["Content-Length: 1.5"], BODY, 400),
    "a length of letters": (["Content-Length: x"], BODY, 400),
    "an empty length": (["Content-Length: "], BODY, 400),
    "a length in Arabic digits": (["Content-Length: ١"], BODY, 400),
    "a length with an underscore": ([LENGTH, "Content_Length: 1"], BODY, 200),
    "chunked twice": ([CHUNKED, CHUNKED], IN_CHUNKS, 400),
    "chunked twice in one": ([f"{CHUNKED}, chunked"], IN_CHUNKS, 400),
    "chunked, then gzip": ([f"{CHUNKED}, gzip"], IN_CHUNKS, 400),
    "gzip alone": (["Transfer-Encoding: gzip"], IN_CHUNKS, 400),
    "identity alone": (["Transfer-Encoding: identity"], IN_CHUNKS, 400),
    "Chunked": (["Transfer-Encoding: Chunked"], IN_CHUNKS, 200),
    "chunked after a tab": (["Transfer-Encoding:\tchunked"], IN_CHUNKS, 200),
    "chunked after a vertical tab": (["Transfer-Encoding: \x0bchunked"], IN_CHUNKS, 400),
    "chunked before the colon": (["Transfer-Encoding : chunked"], IN_CHUNKS, 400),
    "chunked with an underscore": ([LENGTH, "Transfer_Encoding: chunked"], BODY, 200),
    "a coding that nobody knows": (["Transfer-Encoding: xchunked"], IN_CHUNKS, 400),
    "a coding in quotes": (['Transfer-Encoding: "chunked"'], IN_CHUNKS, 400),
    "an empty coding": (["Transfer-Encoding: "], IN_CHUNKS, 400),
    "a chunk without a size": ([CHUNKED], b"\r\n" + IN_CHUNKS, 400),
    "a size that is no number": ([CHUNKED], b"zz\r\n", 400),
    "a negative size": ([CHUNKED], b"-5\r\nhello\r\n0\r\n\r\n", 400),
    "a size with a plus": ([CHUNKED], b"+5\r\nhello\r\n0\r\n\r\n", 400),
    "a size with 0x": ([CHUNKED], b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    "a size with an underscore": ([CHUNKED], b"1_0\r\n", 400),
    "a size beyond all bounds": ([CHUNKED], b"f" * 30 + b"\r\n", 400),
    "a size with a space": ([CHUNKED], b"5 \r\nhello\r\n0\r\n\r\n", 400),
    "chunks with bare line feeds": ([CHUNKED], ONE_CHUNK.replace(b"\r", b"") + b"0\n\n", 400),
    "a chunk shorter than its size": ([CHUNKED], b"ff\r\nhello", 400),
    "a chunk longer than its size": ([CHUNKED], b"5\r\nhello!\r\n0\r\n\r\n", 400),
    "no chunk": ([CHUNKED], b"0\r\n\r\n", 401),
    "no last chunk": ([CHUNKED], ONE_CHUNK, 400),
    "a chunk with an extension": (
        [CHUNKED],
        ONE_CHUNK.replace(b"\r", b";a=b\r", 1) + b"0\r\n\r\n",
        200,
    ),
    "an extension with a line feed": ([CHUNKED], ONE_CHUNK.replace(b"\r", b";a\nb\r", 1), 400),
    "a trailer": ([CHUNKED], ONE_CHUNK + b"0\r\nX-A: b\r\n\r\n", 200),
    "a trailer with a length": ([CHUNKED], ONE_CHUNK + b"0\r\nContent-Length: 1\r\n\r\n", 400),
    "a trailer that is no header": ([CHUNKED], ONE_CHUNK + b"0\r\nnonsense\r\n\r\n", 400),
    "a trailer without an end": ([CHUNKED], ONE_CHUNK + b"0\r\nX-A: b\r\n", 400),
}

NAMED = {
    "90 headers": (b"".join(b"X-%d: a\r\n" % number for number in range(90)), 200),
    "200 headers": (b"".join(b"X-%d: a\r\n" % number for number in range(200)), 431),
    "a header of 8,000 bytes": (b"X-A: " + b"a" * 8_000, 200),
    "a header of 9,000 bytes": (b"X-A: " + b"a" * 9_000, 431),
    "a value outside ASCII": (b"X-A: \xff\xfe", 200),
    "a value in UTF-8": ("X-A: 🚢".encode(), 200),
    "a name outside ASCII": (b"X-\xff: a", 400),
    "a NUL": (b"X-A: a\0b", 400),
    "a bare carriage return": (b"X-A: a\rb", 400),
    "a bare line feed": (b"X-A: a\nX-B: c", 400),
    "a control character": (b"X-A: \x01", 400),
    "DEL": (b"X-A: \x7f", 400),
    "no colon": (b"nonsense", 400),
    "no name": (b": a", 400),
    "a space in the name": (b"X A: b", 400),
    "a space before the name": (b" X-A: b", 400),
    "a folded value": (b"X-A: a\r\n b", 400),
    "another signature": (b"X-Webhook-Signature: wrong", 401),
    "a twin of the signature": (b"X_Webhook_Signature: wrong", 200),
    "a twin of the type": (b"Content_Type: a", 200),
    "two types": (b"Content-Type: text/plain", 400),
    "two hosts": (b"Host: a", 400),
    "gzip": (b"Content-Encoding: gzip", 415),
    "a path that is elsewhere": (b"SCRIPT_NAME: /elsewhere", 200),
    "a path that is here": (b"SCRIPT_NAME: /api", 200),
    "another path": (b"PATH_INFO: /healthz", 200),
    "another user": (b"REMOTE_USER: root", 200),
    "a proxy": (b"Proxy: http://acme.example", 200),
    "two schemes": (b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off", 400),
    "an expectation": (b"Expect: 200-ok", 417),
    "an upgrade": (b"Upgrade: websocket\r\nConnection: upgrade", 200),
    "HTTP/2": (b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk", 200),
}

FIRST_LINES = {
    "small letters": (b"post {path} HTTP/1.1", 400),
    "PUT": (b"PUT {path} HTTP/1.1", 405),
    "GET": (b"GET {path} HTTP/1.1", 405),
    "HEAD": (b"HEAD {path} HTTP/1.1", 200),
    "TRACE": (b"TRACE {path} HTTP/1.1", 405),
    "CONNECT": (b"CONNECT {path} HTTP/1.1", 405),
    "PROPFIND": (b"PROPFIND {path} HTTP/1.1", 405),
    "a method that nobody knows": (b"FOOBAR {path} HTTP/1.1", 400),
    "a method with a sign": (b"P@ST {path} HTTP/1.1", 400),
    "a long method": (b"A" * 30 + b" {path} HTTP/1.1", 400),
    "HTTP/0.9": (b"POST {path}", 400),
    "HTTP/1.0": (b"POST {path} HTTP/1.0", 200),
    "HTTP/2.0": (b"POST {path} HTTP/2.0", 400),
    "HTTP/9.9": (b"POST {path} HTTP/9.9", 400),
    "no HTTP": (b"POST {path} SIP/2.0", 400),
    "a whole address": (b"POST http://acme.example{path} HTTP/1.1", 200),
    "a star": (b"POST * HTTP/1.1", 400),
    "no slash": (b"POST api{path} HTTP/1.1", 400),
    "a long path": (b"POST {path}/" + b"0" * 5_000 + b" HTTP/1.1", 414),
    "a space in the path": (b"POST {path} a HTTP/1.1", 400),
    "tabs": (b"POST\t{path}\tHTTP/1.1", 400),
    "a NUL in the path": (b"POST {path}\0 HTTP/1.1", 400),
    "an escaped NUL": (b"POST {path}%00 HTTP/1.1", 401),
    "a broken escape": (b"POST {path}%zz HTTP/1.1", 401),
    "a byte outside ASCII": (b"POST {path}\xff HTTP/1.1", 400),
    "a way up": (b"POST /a/..{path} HTTP/1.1", 404),
    "a greeting of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a greeting of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM", 400),
    "a greeting of a proxy": (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\nPOST {path} HTTP/1.1", 400),
}


@pytest.mark.parametrize(("headers", "body", "status"), FRAMED.values(), ids=FRAMED)
def test_a_body_has_one_length_or_is_refused(
    receiver: Receiver, sender: Sender, headers: list[str], body: bytes, status: int
) -> None:
    answered = _status(sender, sender.head(BODY, *headers) + body)

    assert (answered, _rows(receiver, sender)) == (status, int(status == 200))
    _assert_well(receiver, sender)


@pytest.mark.parametrize(("lines", "status"), NAMED.values(), ids=NAMED)
def test_headers_are_understood_or_refused(
    receiver: Receiver, sender: Sender, lines: bytes, status: int
) -> None:
    head = sender.head(BODY, LENGTH).removesuffix(b"\r\n") + lines.removesuffix(b"\r\n")

    answered = _status(sender, head + b"\r\n\r\n" + BODY)

    assert (answered, _rows(receiver, sender)) == (status, int(status == 200))
    _assert_well(receiver, sender)


@pytest.mark.parametrize(("line", "status"), FIRST_LINES.values(), ids=FIRST_LINES)
def test_a_first_line_is_understood_or_refused(
    receiver: Receiver, sender: Sender, line: bytes, status: int
) -> None:
    _, rest = sender.raw(BODY).split(b"\r\n", 1)

    answered = _status(sender, line.replace(b"{path}", sender.path.encode()) + b"\r\n" + rest)

    is_event = status == 200 and not line.startswith(b"HEAD")
    assert (answered, _rows(receiver, sender)) == (status, int(is_event))
    _assert_well(receiver, sender)


@pytest.mark.parametrize(
    "pieces",
    [
        [b""],
        [b"POST"],
        [b"POST / HTTP/1.1\r\nHost"],
        [b"\0" * 100_000],
        [b"a" * 1_000_000],
        [b"POST / HTTP/1.1\r\n" + CHUNKED.encode() + b"\r\n\r\n" + b"0" * 100_000],
    ],
    ids=["nothing", "a word", "half a header", "NULs", "a million letters", "a size without end"],
)
def test_bytes_that_are_no_request_are_never_acknowledged(
    receiver: Receiver, sender: Sender, pieces: list[bytes]
) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        assert _status(sender, *pieces) in (400, 405, 414)

    assert _rows(receiver, sender) == 0
    _assert_well(receiver, sender)


def test_a_request_inside_a_body_is_not_a_request(receiver: Receiver, sender: Sender) -> None:
    hidden = sender.raw(BODY)

    answered = _status(sender, sender.head(b"x", f"Content-Length: {len(hidden)}") + hidden)

    assert (answered, _rows(receiver, sender)) == (401, 0)
    _assert_well(receiver, sender)


NOT_READ_TO_THE_END = {
    "a length beyond the limit": f"GET /healthz HTTP/1.1\r\n{LENGTH}0000000",
    "a length beyond the limit of a webhook": f"POST {{path}} HTTP/1.1\r\n{LENGTH}0000000",
    "a length beyond all bounds": "GET /healthz HTTP/1.1\r\nContent-Length: " + "9" * 30,
    "a length with many zeros": "GET /healthz HTTP/1.1\r\nContent-Length: " + "0" * 30 + "44",
    "chunks beyond the limit": f"GET /healthz HTTP/1.1\r\n{CHUNKED}\r\n\r\n" + "0" * 30 + "44",
}


@pytest.mark.parametrize("head", NOT_READ_TO_THE_END.values(), ids=NOT_READ_TO_THE_END)
def test_the_rest_of_a_body_that_comes_later_is_not_a_request(
    receiver: Receiver, sender: Sender, head: str
) -> None:
    with socket.create_connection(("127.0.0.1", sender.port), 120) as connection:
        connection.sendall(head.replace("{path}", sender.path).encode() + b"\r\n\r\n")
        answers = connection.recv(65536)
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /hidden HTTP/1.1\r\nHost: hookonce\r\n\r\n")
            while piece := connection.recv(65536):
                answers += piece

    assert answers.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answers.lower()
    _assert_well(receiver, sender)


def test_a_request_with_broken_chunks_that_are_not_read_has_one_answer(
    sender: Sender,
) -> None:
    with socket.create_connection(("127.0.0.1", sender.port), 120) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\n{CHUNKED}\r\n\r\n0;=\r\n\r\n".encode())
        answers = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answers.count(b"HTTP/1.1") == 1


def _status(sender: Sender, *pieces: bytes) -> int:
    """Send the bytes, close the sending side, and return the answer's status."""
    with socket.create_connection(("127.0.0.1", sender.port), 120) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return read(connection).status


def _rows(receiver: Receiver, sender: Sender) -> int:
    """Return the number of executions of the sender's trigger."""
    executions = receiver.ledger.executions()
    return sum(row.trigger_id == sender.trigger_id for row in executions)


def _assert_well(receiver: Receiver, sender: Sender) -> None:
    """Check that the service still answers and has logged no error."""
    assert sender.post_event("afterwards").acknowledged
    assert receiver.gunicorn.alive
    assert "Traceback" not in receiver.gunicorn.log()
