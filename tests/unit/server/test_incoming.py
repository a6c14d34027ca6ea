"""A request is whole where gunicorn's parser finds its end; limits of size and time hold."""

from collections.abc import Iterable

import pytest
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

from app.server.buffered_reader import parser_of
from app.server.framing import FRAMING_BYTES, Progress
from app.server.incoming import LEAST_BYTES_PER_SECOND, IncomingRequest, Limits
from tests.support.socket_sender import chunked

LIMITS = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=1_000, seconds=5.0)
NEXT = b"POST /next"


def request(*headers: str, body: bytes = b"", line: str = "POST /hooks/1 HTTP/1.1") -> bytes:
    return "\r\n".join([line, "Host: here", *headers, "", ""]).encode() + body


def in_chunks(body: bytes, size: int = 3) -> bytes:
    return request("Transfer-Encoding: chunked", body=b"".join(chunked(body, size)))


def progress(pieces: Iterable[bytes], limits: Limits = LIMITS) -> Progress:
    incoming = IncomingRequest(limits)
    verdicts = [incoming.add(piece) for piece in pieces]
    assert set(verdicts[:-1]) <= {Progress.PARTIAL}
    return verdicts[-1]


def single_bytes(arrived: bytes) -> list[bytes]:
    return [arrived[at : at + 1] for at in range(len(arrived))]


WHOLE = {
    "a length": request("Content-Length: 2", body=b"{}"),
    "a length in another case": request("CONTENT-LENGTH:\t2 ", body=b"{}"),
    "no body": request(line="GET / HTTP/1.0"),
    "no header": b"GET / HTTP/1.1\r\n\r\n",
    "an empty line before": b"\r\nGET / HTTP/1.1\r\n\r\n",
    "chunks": in_chunks(b"0123456789"),
    "no chunk": in_chunks(b""),
    "an extension and a trailer": request(
        "Transfer-Encoding: Chunked", body=b"2 ;a=b\r\n{}\r\n0;c\r\nX-A: b\r\n\r\n"
    ),
    "chunks and no other coding": request(
        "Transfer-Encoding: identity , chunked", body=b"2\r\n{}\r\n0\r\n\r\n"
    ),
    "an expectation": request("Expect: 100-Continue", "Content-Length: 2", body=b"{}"),
    "a space before the colon": request("Content-Length : 2", body=b"{}"),
    "a tab before the colon": request("Transfer-Encoding\t: chunked", body=b"0\r\n\r\n"),
}


@pytest.mark.parametrize("arrived", WHOLE.values(), ids=WHOLE)
def test_a_request_is_whole_with_its_last_byte_and_not_before(arrived: bytes) -> None:
    incoming = IncomingRequest(LIMITS)

    assert progress([arrived]) is Progress.WHOLE
    assert progress(single_bytes(arrived)) is Progress.WHOLE
    assert incoming.add(arrived + NEXT) is Progress.WHOLE
    assert incoming.take() == (arrived, NEXT)


UNUSUAL = {
    "two lengths": request("Content-Length: 2", "Content-Length: 2"),
    "a length and chunks": request("Content-Length: 2", "Transfer-Encoding: chunked"),
    "a length that is no number": request("Content-Length: 2, 2"),
    "a negative length": request("Content-Length: -2"),
    "an empty length": request("Content-Length:"),
    "a length beyond the limit": request("Content-Length: 1001"),
    "a length beyond all bounds": request("Content-Length: " + "9" * 30),
    "a length that Python reads as no number": request("Content-Length: " + "9" * 5_000),
    "a size beyond all bounds": request("Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n"),
    "another coding": request("Transfer-Encoding: chunked, gzip"),
    "another expectation": request("Expect: 200-ok"),
    "a line without an end": b"a" * 4_100,
    "a bare line feed": b"GET / HTTP/1.1\nHost: here\n",
    "a size that is no number": request("Transfer-Encoding: chunked", body=b"zz\r\n"),
    "no size": request("Transfer-Encoding: chunked", body=b"\r\n"),
    "a size without an end": request("Transfer-Encoding: chunked", body=b"0" * 8_190),
    "a chunk longer than its size": request("Transfer-Encoding: chunked", body=b"1\r\nab\r\n"),
    "chunks beyond the limit": request(
        "Transfer-Encoding: chunked", body=b"999\r\n" + b"a" * 1_001
    ),
    "a trailer without an end": request(
        "Transfer-Encoding: chunked", body=b"0\r\n" + b"X: b\r\n" * 1_400
    ),
}


@pytest.mark.parametrize("arrived", UNUSUAL.values(), ids=UNUSUAL)
def test_what_a_parser_must_judge_is_not_waited_for(arrived: bytes) -> None:
    assert progress([arrived]) is Progress.UNUSUAL


def test_all_headers_together_have_a_limit() -> None:
    endless = b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 1_400

    assert progress([endless]) is Progress.LARGE_HEAD
    assert progress([endless + b"\r\n"]) is Progress.LARGE_HEAD
    assert progress([endless[:8_000]]) is Progress.PARTIAL


def test_the_framing_of_a_body_has_a_limit() -> None:
    limits = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=1_000_000, seconds=5.0)
    framing_of_one = len(b"1\r\n\r\n")
    most = FRAMING_BYTES // (framing_of_one - 1)

    assert progress([in_chunks(b"a" * (most // 2), 1)], limits) is Progress.WHOLE
    assert progress([in_chunks(b"a" * (most * 2), 1)], limits) is Progress.UNUSUAL


@given(
    body=st.binary(max_size=40),
    size=st.integers(0, 9),
    extension=st.sampled_from([b"", b";a", b' ; a = "b"', b"\t;a=b;c"]),
    trailer=st.sampled_from([b"", b"X-A: b\r\n", b"X-A: b\r\nX-B: c\r\n"]),
    rest=st.binary(max_size=9),
)
def test_the_end_is_where_gunicorns_parser_finds_it(
    body: bytes, size: int, extension: bytes, trailer: bytes, rest: bytes
) -> None:
    if size:
        encoded = b"".join(chunked(body, size)).removesuffix(b"0\r\n\r\n")
        encoded = encoded.replace(b"\r\n", extension + b"\r\n", 1) if body else encoded
        arrived = request("Transfer-Encoding: chunked", body=encoded + b"0\r\n" + trailer + b"\r\n")
    else:
        arrived = request(f"Content-Length: {len(body)}", body=body)
    incoming = IncomingRequest(LIMITS)

    assert incoming.add(arrived + rest) is Progress.WHOLE
    own, other = incoming.take()
    parser = parser_of(own, Config(), ("127.0.0.1", 1))
    assert next(parser).body.read() == body
    assert parser.unreader.unread_bytes == 0
    assert (own, other) == (arrived, rest)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_head_must_arrive_in_time_however_often_a_byte_comes(clock: Clock) -> None:
    incoming = IncomingRequest(LIMITS, clock)
    for byte in single_bytes(b"POST"):
        incoming.add(byte)
        clock.now += 1.2

    assert not incoming.is_late(104.9)
    assert incoming.is_late(105.0)


def test_a_body_may_not_pause_for_long(clock: Clock) -> None:
    incoming = IncomingRequest(LIMITS, clock)
    incoming.add(request("Content-Length: 1000", body=b"a" * 900))

    assert not incoming.is_late(100 + 4.9)
    assert incoming.is_late(100 + 5.0)


def test_a_body_must_come_at_the_least_rate(clock: Clock) -> None:
    limits = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=1_000_000, seconds=5.0)
    slow, fast = IncomingRequest(limits, clock), IncomingRequest(limits, clock)
    for incoming in (slow, fast):
        incoming.add(request("Content-Length: 900000"))
    for _ in range(10):
        clock.now += 1
        slow.add(b"a" * (LEAST_BYTES_PER_SECOND // 4))
        fast.add(b"a" * LEAST_BYTES_PER_SECOND)

    assert slow.is_late(clock.now)
    assert not fast.is_late(clock.now)


def test_only_a_sender_that_has_sent_no_body_waits_for_permission() -> None:
    head = request("Expect: 100-continue", "Content-Length: 9")
    waits, goes_on, asks_nothing, does_not_know = (IncomingRequest(LIMITS) for _ in range(4))
    waits.add(head)
    goes_on.add(head + b"a")
    asks_nothing.add(request("Content-Length: 9"))
    does_not_know.add(b"\r\n" + head.replace(b"HTTP/1.1", b"HTTP/1.0"))

    assert waits.awaits_continue
    assert not goes_on.awaits_continue
    assert not asks_nothing.awaits_continue
    assert not does_not_know.awaits_continue
