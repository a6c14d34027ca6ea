"""Calls go only where they may, in time, over connections that are kept; the targets are real."""

import errno
import re
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app import egress
from app.actions import deadline, http, http_client
from app.actions.http_client import Client
from app.egress import PUBLIC_ONLY, Egress
from app.errors import ActionFailed
from app.settings import Settings
from tests.support import factories, targets
from tests.support.sink import LOOPBACK
from tests.support.targets import Target

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PERMITTED = egress.read(LOOPBACK)
SOON_SECONDS = targets.DEADLINE_SECONDS / 4
"""Seconds within which a call ends; without a deadline it waits for its target much longer."""


def resolving(*answers: list[str]) -> tuple[Callable[[str, int], list[str]], list[str]]:
    """A resolver that gives these answers in turn, the last for ever; and the names it resolved."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


def send(client: Client, payload: str, seconds: float = 60.0) -> str:
    settings = Settings(hookonce_http_timeout_seconds=seconds)
    return http.send(factories.work(settings, action_payload=payload, body=b"{}"), client)


def failure(client: Client, payload: str, seconds: float = 60.0) -> ActionFailed:
    with pytest.raises(ActionFailed) as caught:
        send(client, payload, seconds)
    return caught.value


def test_a_connection_is_kept_for_the_next_attempt() -> None:
    client = Client(PERMITTED)
    with targets.listening(targets.answering(OK)) as target:
        for _ in range(3):
            assert send(client, f"http://127.0.0.1:{target.port}/in") == "HTTP 200 ok"

        assert (target.connections, len(target.requests)) == (1, 3)


def test_a_small_request_does_not_wait_for_an_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[socket.socket] = []
    connect = socket.create_connection

    def remembered(*arguments: Any) -> socket.socket:
        opened.append(connect(*arguments))
        return opened[-1]

    monkeypatch.setattr(socket, "create_connection", remembered)
    with targets.listening(targets.answering(OK)) as target:
        send(Client(PERMITTED), f"http://127.0.0.1:{target.port}/in")

        assert opened[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_head_and_body_of_a_small_request_go_out_together() -> None:
    ours, theirs = socket.socketpair(
        socket.AF_UNIX, socket.SOCK_SEQPACKET
    )  # which keeps sends apart
    token = deadline.deadline.set(time.monotonic() + 10)
    try:
        wrapped = deadline.DeadlineSocket(ours)
        wrapped.sendall(b"head ")
        wrapped.sendall(b"body")
        wrapped.makefile("rb").close()
        assert theirs.recv(99) == b"head body"
    finally:
        deadline.deadline.reset(token)
        ours.close()
        theirs.close()


def test_an_answer_that_came_before_a_reset_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
        theirs.sendall(OK)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
    token = deadline.deadline.set(time.monotonic() + 10)
    try:
        wrapped = deadline.DeadlineSocket(ours)
        wrapped.sendall(b"{}")
        with wrapped.makefile("rb") as answer:
            assert answer.read(len(OK)) == OK
    finally:
        deadline.deadline.reset(token)
        ours.close()


@pytest.mark.parametrize("size", [2, 3 * deadline.GATHERED_BYTES], ids=["gathered", "in pieces"])
def test_an_answer_that_came_before_the_target_closed_is_read(size: int) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(OK)
    theirs.close()
    token = deadline.deadline.set(time.monotonic() + 10)
    try:
        wrapped = deadline.DeadlineSocket(ours)
        with suppress(BrokenPipeError):  # as urllib3 does
            wrapped.sendall(bytes(size))
        with wrapped.makefile("rb") as answer:
            assert answer.read() == OK
    finally:
        deadline.deadline.reset(token)
        ours.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["longer than is read", "to be closed"],
)
def test_a_connection_that_cannot_be_kept_is_replaced(answer: bytes) -> None:
    client = Client(PERMITTED)
    with targets.listening(targets.answering(answer)) as target:
        for _ in range(2):
            assert send(client, f"http://127.0.0.1:{target.port}/").startswith("HTTP 200")

        assert target.connections == 2


def test_a_connection_that_the_target_closed_meanwhile_is_replaced() -> None:
    client = Client(PERMITTED)
    closed: list[socket.socket] = []

    def once(target: Target, connection: socket.socket) -> None:
        target.request(connection)
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)
        closed.append(connection)

    with targets.listening(once) as target:
        send(client, f"http://127.0.0.1:{target.port}/")
        wait_until(lambda: bool(closed))

        assert send(client, f"http://127.0.0.1:{target.port}/") == "HTTP 200 ok"


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + targets.DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 2",
        b"",
    ],
    ids=["body", "chunk", "header", "status line", "nothing"],
)
def test_a_target_that_drips_is_given_up_at_the_deadline(first: bytes) -> None:
    with targets.listening(targets.dripping(first)) as target:
        began = time.monotonic()
        failed = failure(Client(PERMITTED), f"http://127.0.0.1:{target.port}/", 0.5)

        assert 0.45 < time.monotonic() - began < SOON_SECONDS
    assert (failed.permanent, failed.reason) == (False, "timeout")
    assert re.search(r"timed out after \d+\.\d s", str(failed))


def test_a_target_that_drips_over_tls_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    server, trusting = targets.certified(tmp_path, "127.0.0.1")
    drip = targets.dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    with targets.listening(drip, server) as target:
        began = time.monotonic()
        failed = failure(Client(PERMITTED, tls=trusting), f"https://127.0.0.1:{target.port}/", 0.5)

        assert time.monotonic() - began < SOON_SECONDS
    assert failed.reason == "timeout"


def silent(target: Target, _connection: socket.socket) -> None:
    target.closing.wait(targets.DEADLINE_SECONDS)


def test_a_target_that_never_shakes_hands_is_given_up_at_the_deadline() -> None:
    with targets.listening(silent) as target:
        began = time.monotonic()
        failed = failure(Client(PERMITTED), f"https://127.0.0.1:{target.port}/", 0.5)

        assert time.monotonic() - began < SOON_SECONDS
    assert failed.reason == "timeout"


def test_a_target_that_takes_in_little_by_little_is_given_up_at_the_deadline() -> None:
    def deaf(target: Target, connection: socket.socket) -> None:
        while not target.closing.wait(0.1):  # minutes for the whole body
            connection.recv(65536)

    settings = Settings(hookonce_http_timeout_seconds=0.5)
    with targets.listening(deaf) as target:
        began = time.monotonic()
        payload = f"http://127.0.0.1:{target.port}/"
        work = factories.work(settings, action_payload=payload, body=b"x" * 80_000_000)
        with pytest.raises(ActionFailed, match="timed out") as caught:
            http.send(work, Client(PERMITTED))

        assert time.monotonic() - began < SOON_SECONDS
    assert caught.value.reason == "timeout"


def test_a_target_that_takes_nothing_in_is_given_up_at_the_deadline() -> None:
    settings = Settings(hookonce_http_timeout_seconds=0.5)
    with targets.listening(silent) as target:
        payload = f"http://127.0.0.1:{target.port}/"
        work = factories.work(settings, action_payload=payload, body=b"x" * 80_000_000)
        with pytest.raises(ActionFailed, match="timed out") as caught:
            http.send(work, Client(PERMITTED))

    assert caught.value.reason == "timeout"


def test_a_connection_that_is_reset_while_it_is_made_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reset(*_: object) -> socket.socket:
        raise ConnectionResetError(errno.ECONNRESET, "reset by peer")

    monkeypatch.setattr(http_client, "_connection", reset)

    failed = failure(Client(PERMITTED), "http://127.0.0.1:1/")

    assert (failed.permanent, failed.reason) == (False, "connection")
    assert "reset by peer" in str(failed)


def test_signals_do_not_put_the_deadline_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "WAIT_SECONDS", 0.05)
    came: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.15, 0.15)
    try:
        with targets.listening(silent) as target:
            began = time.monotonic()
            failed = failure(Client(PERMITTED), f"http://127.0.0.1:{target.port}/", 0.4)

            assert time.monotonic() - began < SOON_SECONDS
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert came
    assert failed.reason == "timeout"


def test_an_answer_that_comes_after_many_waits_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "WAIT_SECONDS", 0.02)

    def slow(target: Target, connection: socket.socket) -> None:
        target.request(connection)
        time.sleep(0.2)
        connection.sendall(OK)

    with targets.listening(slow) as target:
        assert send(Client(PERMITTED), f"http://127.0.0.1:{target.port}/") == "HTTP 200 ok"


def test_the_kernel_keeps_the_time_of_a_plain_connection() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        wrapped = deadline.DeadlineSocket(ours)
        wrapped.settimeout(5)  # as the library does

        assert ours.gettimeout() is None


def test_a_target_that_takes_not_a_byte_more_is_given_up_at_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                ours.send(bytes(65536))
        token = deadline.deadline.set(time.monotonic() + 0.2)
        with pytest.raises(TimeoutError, match="timed out"):
            deadline.DeadlineSocket(ours).sendall(bytes(deadline.GATHERED_BYTES + 1))
        deadline.deadline.reset(token)


def test_a_target_that_says_nothing_over_tls_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    server, trusting = targets.certified(tmp_path, "127.0.0.1")
    with targets.listening(silent, server) as target:
        failed = failure(Client(PERMITTED, tls=trusting), f"https://127.0.0.1:{target.port}/", 0.5)

    assert failed.reason == "timeout"
    assert re.search(r"timed out after \d+\.\d s", str(failed))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_on_a_kept_connection_a_request_has_its_own_time(tmp_path: Path, scheme: str) -> None:
    server, trusting = targets.certified(tmp_path, "127.0.0.1")

    def slower(target: Target, connection: socket.socket) -> None:
        while target.request(connection):
            time.sleep(1.2 * (len(target.requests) - 1))
            connection.sendall(OK)

    client = Client(PERMITTED, tls=trusting)
    with targets.listening(slower, server if scheme == "https" else None) as target:
        for seconds in (1.0, 60.0):
            assert send(client, f"{scheme}://127.0.0.1:{target.port}/", seconds) == "HTTP 200 ok"

        assert target.connections == 1


def test_a_wait_that_is_all_but_over_is_not_one_for_ever() -> None:
    assert struct.unpack("@ll", deadline._timeval(0.0)) == (0, 1)
    assert struct.unpack("@ll", deadline._timeval(2.25)) == (2, 250_000)


def test_a_resolver_that_never_answers_is_given_up_at_the_deadline() -> None:
    over = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        over.wait(targets.DEADLINE_SECONDS)
        return []

    began = time.monotonic()
    failed = failure(Client(PERMITTED, resolve), "http://acme.example/", 0.3)
    over.set()

    assert time.monotonic() - began < SOON_SECONDS
    assert failed.reason == "timeout"


def test_the_deadline_may_be_the_triggers_own() -> None:
    with targets.listening(targets.dripping(b"")) as target:
        payload = f'{{"url": "http://127.0.0.1:{target.port}/", "timeout_seconds": 0.3}}'

        assert "timed out after 0.3 s" in str(failure(Client(PERMITTED), payload, 10))


@pytest.mark.parametrize("early", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_what_a_target_says_before_its_answer_is_passed_over(early: bytes) -> None:
    client = Client(PERMITTED)
    answer = b"HTTP/1.1 " + early + b"\r\nLink: </a>\r\n\r\n" + OK
    with targets.listening(targets.answering(answer)) as target:
        for _ in range(2):
            assert send(client, f"http://127.0.0.1:{target.port}/in") == "HTTP 200 ok"

        assert target.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with targets.listening(targets.answering(OK)) as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
        answer = f"HTTP/1.1 {status} Elsewhere\r\n{location}".encode()
        with targets.listening(targets.answering(answer)) as target:
            failed = failure(Client(PERMITTED), f"http://127.0.0.1:{target.port}/")

        assert elsewhere.connections == 0
    assert failed.http_status == status


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        targets.listening(targets.answering(OK)) as proxy,
        targets.listening(targets.answering(OK)) as target,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        send(Client(PERMITTED), f"http://127.0.0.1:{target.port}/")

        assert (proxy.connections, target.connections) == (0, 1)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ],
)
def test_no_way_to_write_the_loopback_leads_there(host: str) -> None:
    with targets.listening(targets.answering(OK)) as target:
        failed = failure(Client(PUBLIC_ONLY), f"http://{host}:{target.port}/")

        assert target.connections == 0
    if failed.permanent:
        assert failed.reason == "configuration"
        assert "HOOKONCE_EGRESS_ALLOW" in str(failed)
    else:
        assert "gaierror" in str(failed)  # this system does not read it as an address at all


def test_what_is_refused_is_said_with_the_entry_that_would_permit_it() -> None:
    resolve, _ = resolving(["169.254.169.254"])

    failed = failure(Client(PUBLIC_ONLY, resolve), "http://metadata.acme.example/")

    assert str(failed) == (
        "metadata.acme.example resolves to 169.254.169.254, which is not a public address; "
        "HOOKONCE_EGRESS_ALLOW can permit it (such as metadata.acme.example:80)"
    )


def test_an_address_that_is_refused_needs_no_name_in_its_sentence() -> None:
    failed = failure(Client(PUBLIC_ONLY), "http://169.254.169.254/")

    assert str(failed) == (
        "169.254.169.254 is not a public address; "
        "HOOKONCE_EGRESS_ALLOW can permit it (such as 169.254.169.254:80)"
    )


@pytest.mark.parametrize("addresses", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"]])
def test_one_address_that_is_refused_refuses_the_name(addresses: list[str]) -> None:
    with targets.listening(targets.answering(OK)) as target:
        resolve, _ = resolving(addresses)
        failed = failure(Client(PERMITTED, resolve), f"http://acme.example:{target.port}/")

        assert target.connections == 0
    assert "10.0.0.1" in str(failed)


def test_a_name_that_resolves_differently_a_moment_later_is_asked_once() -> None:
    with targets.listening(targets.answering(OK)) as target:
        resolve, asked = resolving(["127.0.0.1"], ["10.0.0.1"])

        said = send(Client(PERMITTED, resolve), f"http://acme.example:{target.port}/")

        assert (said, asked, target.connections) == ("HTTP 200 ok", ["acme.example"], 1)
        assert f"Host: acme.example:{target.port}".encode() in target.requests[0]


def test_a_name_that_comes_to_lead_inside_is_refused_from_then_on() -> None:
    with targets.listening(targets.answering(OK.replace(b"OK", b"OK\r\nConnection: close"))) as one:
        resolve, _ = resolving(["127.0.0.1"], ["10.0.0.1"])
        client = Client(PERMITTED, resolve)
        send(client, f"http://acme.example:{one.port}/")

        failed = failure(client, f"http://acme.example:{one.port}/")

    assert failed.permanent


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with targets.listening(targets.answering(OK)) as target:
        resolve, _ = resolving(["127.0.0.9", "127.0.0.1"])

        said = send(
            Client(egress.read("127.0.0.0/8"), resolve), f"http://acme.example:{target.port}/"
        )

    assert said == "HTTP 200 ok"


def test_a_name_without_an_address_is_tried_again_by_a_later_attempt() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    failed = failure(Client(PUBLIC_ONLY, resolve), "http://acme.example/?token=hunter2")

    assert (failed.permanent, failed.reason) == (False, "connection")
    assert "Name or service not known" in str(failed)
    assert "hunter2" not in str(failed)
    assert len(asked) == 1


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_a_name_that_cannot_be_looked_up_fails(host: str) -> None:
    failed = failure(Client(PUBLIC_ONLY), f"http://{host}/")

    assert failed.reason == "connection"
    assert "is not a name that can be resolved" in str(failed)


def test_a_certificate_is_checked_for_the_name_and_the_name_is_asked_for(tmp_path: Path) -> None:
    server, trusting = targets.certified(tmp_path, "acme.example")
    resolve, _ = resolving(["127.0.0.1"])
    client = Client(PERMITTED, resolve, trusting)
    with targets.listening(targets.answering(OK), server) as target:
        for _ in range(2):
            assert send(client, f"https://acme.example:{target.port}/") == "HTTP 200 ok"

        assert (target.names, target.connections) == (["acme.example"], 1)


@pytest.mark.parametrize(
    ("name", "trusted", "said"),
    [("other.example", True, "Hostname mismatch"), ("acme.example", False, "self-signed")],
)
def test_a_certificate_that_proves_nothing_is_refused(
    tmp_path: Path, name: str, trusted: bool, said: str
) -> None:
    server, trusting = targets.certified(tmp_path, name)
    resolve, _ = resolving(["127.0.0.1"])
    with targets.listening(targets.answering(OK), server) as target:
        client = Client(PERMITTED, resolve, trusting if trusted else None)
        failed = failure(client, f"https://acme.example:{target.port}/")

        assert target.requests == []
    assert re.search(said.replace("-", "[- ]"), str(failed))
    assert (failed.permanent, failed.reason) == (False, "connection")


def test_an_answer_without_end_is_read_in_part() -> None:
    sent: list[int] = []

    def endless(target: Target, connection: socket.socket) -> None:
        target.request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x" * 1_048_576)
            sent.append(1)

    with targets.listening(endless) as target:
        said = send(Client(PERMITTED), f"http://127.0.0.1:{target.port}/")

        assert len(said) <= 4000
    assert len(sent) < 100


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n"],
    ids=["none", "not HTTP"],
)
def test_an_answer_that_breaks_off_is_tried_again(answer: bytes) -> None:
    def broken(target: Target, connection: socket.socket) -> None:
        target.request(connection)
        connection.sendall(answer)

    with targets.listening(broken) as target:
        failed = failure(Client(PERMITTED), f"http://127.0.0.1:{target.port}/")

    assert (failed.permanent, failed.reason) == (False, "connection")


def test_one_client_serves_all_that_have_the_same_rules() -> None:
    same = egress.read("127.0.0.1")

    assert http_client.client(same) is http_client.client(egress.read("127.0.0.1"))
    assert http_client.client(same) is not http_client.client(Egress())
