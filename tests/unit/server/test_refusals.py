"""A refused request is answered with its status, and its bytes are repeated nowhere."""

import ssl
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import errors

from app.server import refusals
from app.server.buffered_reader import parser_of
from app.server.closed_log import ClosedLog
from app.server.worker import CooperativeWorker

SECRET = "c4n4ry"
REFUSED = {
    "a line": (f"POST /{SECRET} x HTTP/1.1\r\n\r\n", 400),
    "a method": (f"P@{SECRET} / HTTP/1.1\r\n\r\n", 400),
    "a version": (f"POST /{SECRET} HTTP/{SECRET}\r\n\r\n", 400),
    "a long line": (f"POST /{SECRET}{'0' * 5_000} HTTP/1.1\r\n\r\n", 414),
    "a header": (f"POST / HTTP/1.1\r\nX: {SECRET}\0\r\n\r\n", 400),
    "a name": (f"POST / HTTP/1.1\r\n{SECRET} : a\r\n\r\n", 400),
    "a long header": (f"POST / HTTP/1.1\r\nX: {SECRET * 2_000}\r\n\r\n", 431),
    "a folded header": (f"POST / HTTP/1.1\r\nX: a\r\n {SECRET}\r\n\r\n", 400),
    "a coding": (f"POST / HTTP/1.1\r\nTransfer-Encoding: {SECRET}\r\n\r\n", 400),
    "an expectation": (f"POST / HTTP/1.1\r\nExpect: {SECRET}\r\n\r\n", 417),
}


class Socket:
    sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data


@pytest.fixture
def worker() -> Any:
    made: Any = CooperativeWorker.__new__(CooperativeWorker)
    made.cfg = Config()
    made.log = Logger(made.cfg)
    made._closed = ClosedLog(made.log)
    return made


@pytest.mark.parametrize(("request_text", "status"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_repeats_nothing_of_the_request(
    worker: Any, caplog: pytest.LogCaptureFixture, request_text: str, status: int
) -> None:
    client = Socket()
    with pytest.raises(errors.ParseException) as caught:
        next(parser_of(request_text.encode(), worker.cfg, ("192.0.2.1", 1)))

    worker.handle_error(None, client, ("192.0.2.1", 1), caught.value)
    worker._closed.write()

    logged = caplog.text
    assert client.sent.startswith(f"HTTP/1.1 {status} ".encode())
    assert type(caught.value).__name__ in logged
    assert SECRET not in logged + client.sent.decode()


def test_an_error_of_the_server_is_500_and_does_not_log_the_address(
    worker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client, request = Socket(), SimpleNamespace(uri=f"/api/{SECRET}", method="POST")

    worker.handle_error(request, client, ("192.0.2.1", 1), ZeroDivisionError("here"))

    logged = caplog.text
    assert client.sent.startswith(b"HTTP/1.1 500 ")
    assert "ZeroDivisionError: here" in logged
    assert SECRET not in logged + client.sent.decode()


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigurationProblem("a"),
        errors.InvalidResponseHeader("a"),
        errors.InvalidResponseHeaderName("a"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_our_own_is_not_blamed_on_the_sender(error: Exception) -> None:
    assert refusals.status_of(error) is HTTPStatus.INTERNAL_SERVER_ERROR


def test_only_trouble_of_our_own_asks_the_sender_to_try_again() -> None:
    assert b"Retry-After: 1\r\n" in refusals.response(HTTPStatus.SERVICE_UNAVAILABLE)
    assert b"Retry-After" not in refusals.response(HTTPStatus.REQUEST_TIMEOUT)


def test_plain_http_at_a_tls_port_is_no_failure_of_ours() -> None:
    assert refusals.status_of(ssl.SSLError()) is HTTPStatus.BAD_REQUEST
