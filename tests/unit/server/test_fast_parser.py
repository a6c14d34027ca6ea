"""The bytes alone decide if the answering thread may answer them; in any doubt it may not."""

import pytest

from app.cooperative import SMALL_REQUEST_BYTES
from app.server.fast_parser import Completeness, completeness

PREFIX = b"POST /hooks/"


def request(*headers: str, body: bytes = b"{}", line: str = "POST /hooks/1 HTTP/1.1") -> bytes:
    return "\r\n".join([line, "Host: here", *headers, "", ""]).encode() + body


def extent(arrived: bytes) -> Completeness:
    return completeness(arrived, PREFIX)


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "CONTENT-LENGTH"])
def test_a_request_that_is_there_to_its_last_byte_is_whole(name: str) -> None:
    assert extent(request(f"{name}: 2")) is Completeness.WHOLE


def test_every_piece_of_it_is_a_beginning() -> None:
    arrived = request("Content-Length: 2")

    assert {extent(arrived[:length]) for length in range(1, len(arrived))} == {
        Completeness.BEGINNING
    }


@pytest.mark.parametrize(
    "arrived",
    [
        b"",
        request("Content-Length: 2", line="GET /hooks/1 HTTP/1.1"),
        request("Content-Length: 2", line="POST /other/1 HTTP/1.1"),
        request("Content-Length: 1"),
        request("Content-Length: 2", body=b"{}POST /hooks/1 HTTP/1.1\r\n"),
        request("Content-Length: 2", "Content-Length: 2"),
        request("Content-Length: 2", "Content-length: 3"),
        request("Content-Length: 2", "Transfer-Encoding: chunked"),
        request("Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        request("Content-Length: 2", "Expect: 100-continue"),
        request("Content-Length: 2", "Upgrade: h2c"),
        request("Content-Length : 2"),
        request("Content-Length: -2"),
        request("Content-Length: +2"),
        request("Content-Length: 0x2"),
        request("Content-Length: 2, 2"),
        request("Content-Length:"),
        request("Content-Length: " + "9" * 5000),
        request(),
        request(f"Content-Length: {SMALL_REQUEST_BYTES}", body=b"x" * SMALL_REQUEST_BYTES),
        b"POST /hooks/" + b"x" * SMALL_REQUEST_BYTES,
    ],
    ids=lambda arrived: repr(arrived[:60]),
)
def test_anything_else_is_read_by_a_thread(arrived: bytes) -> None:
    assert extent(arrived) is Completeness.UNKNOWN
