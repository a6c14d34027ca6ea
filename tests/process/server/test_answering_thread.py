"""Webhooks that arrive whole need no thread of the pool, so they are answered when it is full."""

import http.client
import itertools
import os
import resource
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from tests.process.db.test_database_in_trouble import LOCK
from tests.support.ledger import WRITE_DOWN, Ledger
from tests.support.service import DEADLINE_SECONDS, Gunicorn, Service, open_files, until
from tests.support.socket_sender import Sender, event, read

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root sees a receiver's descriptors")

ONE_THREAD = "--threads 1"
LONG = str(DEADLINE_SECONDS)


def connected(sender: Sender) -> socket.socket:
    return socket.create_connection(("127.0.0.1", sender.port), DEADLINE_SECONDS)


def test_a_connection_answers_one_request_after_another(service: Service, ledger: Ledger) -> None:
    sender = ledger.sender(service.gunicorn(workers=1))

    with connected(sender) as connection:
        for number in range(5):
            connection.sendall(sender.raw(event(f"paid-{number}")))
            assert read(connection).acknowledged

    assert ledger.rows_by_key() == {f"paid-{number}": 1 for number in range(5)}


def test_no_outcome_of_a_webhook_blocks_the_answering_thread(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=1, GUNICORN_CMD_ARGS=ONE_THREAD)
    sender = ledger.sender(gunicorn)
    stranger, forger = replace(sender, trigger_id=999_999), replace(sender, secret="guessed")

    statuses = [
        sender.post_event("paid-1").status,
        sender.post_event("paid-1").status,
        sender.post(event("paid-1", amount="other")).status,
        sender.post(b'{"no": "key"}').status,
        sender.post(b"{").status,
        stranger.post_event("paid-1").status,
        forger.post_event("paid-1").status,
    ]
    together = [answer.status for answer in sender.post_at_once(event("paid-2"), 20)]

    assert statuses == [200, 200, 200, 200, 400, 401, 401]
    assert together == [200] * 20
    assert ledger.count() == 3


def test_a_request_in_two_pieces_is_one_request(service: Service, ledger: Ledger) -> None:
    sender = ledger.sender(service.gunicorn(workers=1))
    cases = list(itertools.product([1, 40, -20, -1], [0.0, 0.01, 0.3]))

    for cut, pause in cases:
        whole = sender.raw(event(f"cut at {cut}, {pause} s"))
        with connected(sender) as connection:
            for _ in range(2):  # the second one on a connection that was kept
                connection.sendall(whole[:cut])
                time.sleep(pause)
                connection.sendall(whole[cut:])
                assert read(connection).acknowledged

    assert ledger.rows_by_key() == {f"cut at {cut}, {pause} s": 1 for cut, pause in cases}


def test_requests_sent_in_one_go_are_answered_in_their_order(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(workers=1))
    forged = sender.raw(event("forged")).replace(b"X-Webhook-Signature: ", b"X-Other: ")

    with connected(sender) as connection:
        connection.sendall(sender.raw(event("a")) + forged + sender.raw(event("b")))
        reader = connection.makefile("rb")
        statuses = [one_status(reader) for _ in range(3)]

    assert statuses == [200, 401, 200]
    assert ledger.rows_by_key() == {"a": 1, "b": 1}


def one_status(reader: socket.SocketIO) -> int:
    status = int(reader.readline().split()[1])
    length = 0
    while (line := reader.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    reader.read(length)
    return status


def test_connections_without_a_request_hold_no_thread(service: Service, ledger: Ledger) -> None:
    silence = {"HOOKONCE_READ_SECONDS": str(DEADLINE_SECONDS)}
    gunicorn = service.gunicorn(workers=1, GUNICORN_CMD_ARGS=ONE_THREAD, **silence)
    sender = ledger.sender(gunicorn)

    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connected(sender))
        began = time.monotonic()
        assert gunicorn.get("/healthz")[0] == 200

    assert time.monotonic() - began < DEADLINE_SECONDS / 2, "one of them was waited for"


def test_a_peer_that_does_not_close_its_connection_delays_no_other(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(workers=1))
    last = sender.raw(event("last")).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)

    with ExitStack() as stack:
        for _ in range(40):
            connection = stack.enter_context(connected(sender))
            connection.sendall(last)
            assert read(connection).acknowledged
        began = time.monotonic()
        assert sender.post_event("next").acknowledged

    assert time.monotonic() - began < 40, "gunicorn lingers for two seconds with each of them"


@contextmanager
def one_waits(ledger: Ledger, sender: Sender, kind: str) -> Iterator[None]:
    """Keep a webhook waiting for its commit until the block ends; then it is acknowledged."""
    with connected(sender) as waiting:
        with ledger.database.writing() as connection:
            connection.exec_driver_sql(LOCK[kind])
            waiting.sendall(sender.raw(event("waits")))
            time.sleep(0.2)
            yield
        assert read(waiting).acknowledged


def test_while_webhooks_wait_for_a_locked_database_others_are_answered(
    service: Service, ledger: Ledger, kind: str
) -> None:
    gunicorn = service.gunicorn(workers=1, HOOKONCE_DATABASE_TIMEOUT_SECONDS=LONG)

    with one_waits(ledger, ledger.sender(gunicorn), kind):
        began = time.monotonic()
        assert gunicorn.get("/healthz")[0] == 200
        took = time.monotonic() - began

    assert took < DEADLINE_SECONDS / 2


def test_a_stopping_worker_answers_requests_that_wait_for_a_commit(
    service: Service, ledger: Ledger, kind: str
) -> None:
    gunicorn = service.gunicorn(workers=1, HOOKONCE_DATABASE_TIMEOUT_SECONDS=LONG)

    with one_waits(ledger, ledger.sender(gunicorn), kind):
        gunicorn.signal(signal.SIGTERM)
        time.sleep(0.2)

    assert gunicorn.ended() == 0
    assert ledger.rows_by_key() == {"waits": 1}


@as_root
def test_a_process_without_free_descriptors_closes_those_that_send_nothing(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=1)
    sender = ledger.sender(gunicorn)
    (worker,) = gunicorn.children()

    with ExitStack() as stack:
        kept = stack.enter_context(connected(sender))
        for number in range(4):
            kept.sendall(sender.raw(event(f"before-{number}")))
            assert read(kept).acknowledged
            time.sleep(0.5)  # by then it has the connections that it needs itself
        taken = len(os.listdir(f"/proc/{worker}/fd"))
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (taken + 5, taken + 5))
        for _ in range(20):
            stack.enter_context(connected(sender))
        gunicorn.wait_for("other peers need a connection")
        kept.sendall(sender.raw(event("meanwhile")))
        assert read(kept).acknowledged
        assert sender.post_event("another").acknowledged
    after = sender.post_event("after")

    assert after.acknowledged
    assert gunicorn.children() == [worker]


@as_root
def test_processes_share_connections(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn(workers=2)
    sender = ledger.sender(gunicorn)

    with ExitStack() as stack:

        def both_have_begun() -> bool:
            stack.enter_context(sender.connected())
            return min(more_sockets(gunicorn, before)) > 0

        before = sockets(gunicorn)
        until(both_have_begun, "a connection for each process")
        begun = sum(more_sockets(gunicorn, before))
        for _ in range(40):
            stack.enter_context(sender.connected())
        held = more_sockets(gunicorn, before)

    assert sum(held) == begun + 40
    assert min(held) >= 8, f"{held}: one process takes nearly all"


def more_sockets(gunicorn: Gunicorn, before: list[int]) -> list[int]:
    return [now - then for now, then in zip(sockets(gunicorn), before, strict=True)]


def sockets(gunicorn: Gunicorn) -> list[int]:
    """Return the number of sockets of each worker process."""
    return [
        sum(name.startswith("socket:") for name in open_files(pid))
        for pid in sorted(gunicorn.children())
    ]


def test_a_new_process_in_place_of_a_killed_one_takes_its_share(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=2)
    os.kill(gunicorn.children()[0], signal.SIGKILL)
    until(lambda: len(gunicorn.lines("serving")) == 3, "a third worker process")
    sender = ledger.sender(gunicorn)

    began = time.monotonic()
    answers = [sender.post_event(f"paid-{number}") for number in range(10)]

    assert all(answer.acknowledged for answer in answers)
    assert time.monotonic() - began < DEADLINE_SECONDS / 2


def test_an_event_is_admitted_once_under_gunicorns_own_worker(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(workers=1, GUNICORN_CMD_ARGS="-k gthread"))

    answers = sender.post_at_once(event("paid-1"), 10)

    assert all(answer.acknowledged for answer in answers)
    assert ledger.rows_by_key() == {"paid-1": 1}


def test_a_client_that_sends_head_and_body_apart_is_answered(
    service: Service, ledger: Ledger
) -> None:
    sender = ledger.sender(service.gunicorn(workers=1, GUNICORN_CMD_ARGS=ONE_THREAD))
    connection = http.client.HTTPConnection("127.0.0.1", sender.port, timeout=DEADLINE_SECONDS)

    statuses = []
    for number in range(20):
        body = event(f"paid-{number}")
        headers = {"X-Webhook-Signature": sender.signature(body)}
        connection.request("POST", sender.path, body, headers)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()

    assert statuses == [200] * 20
    until(lambda: ledger.count() == 20, "twenty rows")


def test_an_operator_who_wants_an_access_log_finds_webhooks_in_it(
    service: Service, ledger: Ledger
) -> None:
    gunicorn = service.gunicorn(workers=1, GUNICORN_CMD_ARGS="--access-logfile -")
    sender = ledger.sender(gunicorn)

    assert sender.post_event("paid-1").acknowledged

    until(lambda: f'"POST {sender.path} HTTP/1.1" 200' in gunicorn.log(), "its line")


def test_a_process_that_reached_max_requests_is_replaced(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn(workers=1, GUNICORN_CMD_ARGS="--max-requests 4")
    sender = ledger.sender(gunicorn)

    answers = [sender.post_event(f"paid-{number}") for number in range(10)]

    assert all(answer.acknowledged for answer in answers)
    until(lambda: len(gunicorn.lines("serving")) >= 3, "a third process")
    assert ledger.count() == 10


def test_the_last_response_of_max_requests_closes_its_connection(
    service: Service, ledger: Ledger
) -> None:
    # the first request is the one that asked whether it is there
    gunicorn = service.gunicorn(workers=1, GUNICORN_CMD_ARGS="--max-requests 3")
    sender = ledger.sender(gunicorn)

    with connected(sender) as connection:
        connection.sendall(sender.raw(event("paid-1")))
        assert b"connection: keep-alive" in whole(connection)
        connection.sendall(sender.raw(event("paid-2")))
        assert b"connection: close" in whole(connection)
        assert connection.recv(1) == b""


def whole(connection: socket.socket) -> bytes:
    """Read an answer, in lower case; the answer to a webhook ends with its only brace."""
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(4096)
    return answer.lower()


def test_requests_over_a_unix_socket_are_answered(service: Service, ledger: Ledger) -> None:
    trigger = ledger.trigger("orders", WRITE_DOWN)
    sender = Sender(0, trigger.id, trigger.secret)
    with tempfile.TemporaryDirectory() as directory:  # of a short name: a socket's has 107 bytes
        path = f"{directory}/s"
        gunicorn = service.start("gunicorn", "-b", f"unix:{path}", "-w", "1")
        gunicorn.wait_for("evt=serving")

        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            for number in range(2):
                connection.sendall(sender.raw(event(f"paid-{number}")))
                assert read(connection).acknowledged

    assert ledger.count() == 2
