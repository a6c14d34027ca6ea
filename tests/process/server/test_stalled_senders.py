"""Senders that stall in the middle of a request do not block other senders."""

import socket
import time

from tests.support.ledger import Ledger
from tests.support.service import Service, until
from tests.support.socket_sender import Sender, event

STALLED = 40
READ_SECONDS = "0.5"


def _stalled(sender: Sender, piece: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", sender.port))
    connection.sendall(piece)
    return connection


def test_forty_stalled_senders_delay_another_and_do_not_stop_it(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=2, HOOKONCE_READ_SECONDS=READ_SECONDS)
    sender = ledger.sender(gunicorn)
    whole = sender.raw(event("never-ends"))
    pieces = [whole[:-1], whole[:30]]  # silent in the body, silent in the headers

    stalled = [_stalled(sender, pieces[number % 2]) for number in range(STALLED)]
    answer = sender.post_event("in-between")

    assert answer.acknowledged
    assert "Traceback" not in gunicorn.log()
    assert ledger.rows_by_key() == {"in-between": 1}
    for connection in stalled:
        connection.close()


def test_a_sender_that_fell_silent_is_cut_off(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn(workers=1, HOOKONCE_READ_SECONDS=READ_SECONDS)
    sender = ledger.sender(gunicorn)

    with _stalled(sender, sender.raw(event("never-ends"))[:-1]) as connection:
        connection.settimeout(10)
        heard = until(lambda: connection.recv(65536) or b"closed", "an answer or the end")

    assert b"200 OK" not in heard
    assert ledger.count() == 0


def _deaf(port: int) -> socket.socket:
    """Request more than the socket buffers hold, and read nothing of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    for _ in range(100):
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: hooks\r\n\r\n")
        time.sleep(0.01)  # gunicorn takes the next request of a connection that has just come
    return connection


def test_a_sender_that_reads_no_response_gives_its_thread_back(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(
        workers=1, GUNICORN_CMD_ARGS="--threads 1", HOOKONCE_READ_SECONDS=READ_SECONDS
    )
    sender = ledger.sender(gunicorn)

    with _deaf(gunicorn.port):
        answer = sender.post_event("in-between")

    assert answer.acknowledged
