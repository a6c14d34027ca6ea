"""Bodies over a real socket: too large, chunked, or cut short."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.ledger import Ledger
from tests.support.service import Service
from tests.support.socket_sender import Answer, Sender, chunked, event, read
from tests.support.thorough import THOROUGH

LIMIT = 1_048_576
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def kind() -> str:
    """Use SQLite only: a body is read or refused before the database is used."""
    return "sqlite"


def _exchange(sender: Sender, *pieces: bytes, then_silent: bool = False) -> Answer:
    """Send all pieces before reading the answer, as simple senders do."""
    with sender.connected() as connection:
        for piece in pieces:
            connection.sendall(piece)
        if then_silent:
            connection.shutdown(socket.SHUT_WR)
        return read(connection)


@pytest.mark.parametrize("size", [LIMIT + 1, 5 * LIMIT])
def test_an_oversize_body_is_answered_413_and_not_reset(
    service: Service, ledger: Ledger, size: int
) -> None:
    sender = ledger.sender(service.gunicorn())

    answer = _exchange(sender, sender.raw(b"x" * size))

    assert answer.status == 413
    assert ledger.count() == 0


@pytest.mark.parametrize("size", [LIMIT + 1, 5 * LIMIT])
def test_an_oversize_body_in_chunks_is_answered_413_and_not_reset(
    service: Service, ledger: Ledger, size: int
) -> None:
    sender = ledger.sender(service.gunicorn())
    body = b"x" * size

    answer = _exchange(sender, sender.head(body, CHUNKED), *chunked(body, 100_000))

    assert answer.status == 413
    assert ledger.count() == 0


def test_a_body_in_chunks_is_verified_and_admitted_like_any_other(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn())
    body = event("paid-1")

    answer = _exchange(sender, sender.head(body, CHUNKED), *chunked(body, 7))

    assert answer.acknowledged
    assert ledger.rows_by_key() == {"paid-1": 1}


def test_a_body_as_large_as_allowed_is_admitted(service: Service, ledger: Ledger) -> None:
    sender = ledger.sender(service.gunicorn())
    body = event("paid-1", padding="x" * (LIMIT - len(event("paid-1", padding=""))))

    answer = _exchange(sender, sender.raw(body))

    assert len(body) == LIMIT
    assert answer.acknowledged


def test_a_body_shorter_than_announced_is_never_acknowledged(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn())
    body = event("paid-1")
    head = sender.head(body, f"Content-Length: {len(body) + 1}")

    answer = _exchange(sender, head, body, then_silent=True)

    assert answer.status == 400
    assert ledger.count() == 0


@pytest.mark.parametrize("cut", [b"", b"0\r\n", b"zz\r\n", b"5\r\nab"])
def test_chunks_that_break_off_are_never_acknowledged(
    service: Service, ledger: Ledger, cut: bytes
) -> None:
    sender = ledger.sender(service.gunicorn())
    body = event("paid-1")
    whole_chunk = b"%x\r\n%s\r\n" % (len(body), body)

    answer = _exchange(sender, sender.head(body, CHUNKED), whole_chunk, cut, then_silent=True)

    assert answer.status == 400
    assert ledger.count() == 0


def test_a_sender_that_hangs_up_leaves_the_service_well(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn()
    sender = ledger.sender(gunicorn)
    body = event("paid-1")

    for announced in (sender.head(body, "Content-Length: 1000"), sender.head(body, CHUNKED)):
        with contextlib.closing(sender.connected()) as connection:
            connection.sendall(announced + b"5\r\n")

    assert sender.post_event("paid-2").acknowledged
    assert ledger.rows_by_key() == {"paid-2": 1}
    assert "Traceback" not in gunicorn.log()


LARGEST = 25 * LIMIT


def _sender_of_large_bodies(service: Service, ledger: Ledger) -> Sender:
    sender = ledger.sender(service.gunicorn(workers=1))
    ledger.execute(f"UPDATE triggers SET max_body_bytes = {LARGEST}")
    return sender


@pytest.mark.skipif(not THOROUGH, reason="it reads 68 MiB")
def test_more_large_bodies_at_once_than_there_is_memory_for_are_all_acknowledged(
    service: Service, ledger: Ledger
) -> None:
    sender = _sender_of_large_bodies(service, ledger)
    ledger.execute("""UPDATE triggers SET event_filter = '{"event_type": "none"}'""")

    answers = sender.post_at_once(event("push-1", padding="x" * (17 * LIMIT)), 4)

    assert [answer.status for answer in answers] == [200] * 4


@pytest.mark.skipif(not THOROUGH, reason="it waits for slow senders")
def test_slow_senders_keep_no_memory_from_a_large_body(service: Service, ledger: Ledger) -> None:
    sender = _sender_of_large_bodies(service, ledger)
    beginning = sender.head(b"", f"Content-Length: {LARGEST}") + b"x" * 20_000
    push = event("push-1", padding="x" * (LARGEST - 1_000))

    with _dripping(sender, beginning, 2):
        answer = sender.post(push)

    assert answer.acknowledged
    assert ledger.rows_by_key() == {"push-1": 1}


@contextlib.contextmanager
def _dripping(sender: Sender, beginning: bytes, count: int) -> Iterator[None]:
    """Begin so many requests, and send a byte of each now and then."""
    over = threading.Event()
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(contextlib.closing(sender.connected())) for _ in range(count)]
        for peer in peers:
            peer.sendall(beginning)

        def drip() -> None:
            while not over.wait(0.05):
                for peer in peers:
                    with contextlib.suppress(ConnectionError):  # cut off, as it should be
                        peer.sendall(b"a")

        thread = threading.Thread(target=drip)
        thread.start()
        stack.callback(thread.join)
        stack.callback(over.set)
        yield
