"""An ordinary response leaves as gunicorn would send it; an unusual one gunicorn sends itself."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import wsgi

from app.server import fast_response
from app.server.fast_parser import FastRequest
from app.server.fast_response import FastResponse, WsgiEnvironment
from tests.unit.server.test_fast_requests import GITHUB, PEER, SERVER, configured, parsed, request

OK = "200 OK"
BODY = b'{"status": "ok"}'
HEADERS = [("content-type", "application/json"), ("content-length", str(len(BODY)))]


class Connection:
    """A connection that keeps the bytes that are sent to it."""

    client, server = PEER, SERVER

    def __init__(self) -> None:
        self.sock = self
        self.sent = b""

    def sendall(self, piece: bytes) -> None:
        self.sent += piece


def asked(*headers: str) -> FastRequest:
    found = parsed(request(*GITHUB, *headers))
    assert found is not None
    return found


def by_gunicorn(answer: FastResponse, *, keep: bool, asking: FastRequest | None = None) -> bytes:
    connection = Connection()
    answer.by_gunicorn(asking or asked(), connection, Config(), keep=keep)
    return connection.sent


def undated(sent: bytes | None) -> bytes:
    assert sent is not None
    return re.sub(rb"\r\nDate: [^\r]+", b"", sent)


def answer(status: str = OK, headers: Any = HEADERS, body: bytes = BODY) -> FastResponse:
    made = FastResponse()
    made.status, made.headers, made.body = status, headers, body
    return made


@pytest.mark.parametrize("forwarded", [(), ("X-Forwarded-Proto: https", "X-Forwarded-For: ::1")])
def test_the_environment_is_that_of_gunicorn(forwarded: tuple[str, ...]) -> None:
    asking, connection = asked(*forwarded), Connection()

    found = WsgiEnvironment(configured()).of(asking, connection)

    _answer, expected = wsgi.create(asking, connection, PEER, SERVER, configured())
    expected["wsgi.multithread"] = True  # as gunicorn's gthread sets it
    del expected["wsgi.early_hints"]  # a response so short needs none
    del found["wsgi.errors"], expected["wsgi.errors"]  # each has its own
    assert found == expected


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    "made",
    [
        answer(),
        answer("401 Unauthorized"),
        answer("503 Service Unavailable", [*HEADERS, ("retry-after", "5")]),
        answer(headers=[*HEADERS, ("x-request-id", "caf\xe9\ta"), ("x-empty", "")]),
        answer(headers=[("content-length", "0")], body=b""),
    ],
    ids=lambda made: f"{made.status} {made.headers[-1]}",
)
def test_an_answer_is_the_same_to_its_last_byte(made: FastResponse, keep: bool) -> None:
    assert undated(made.in_one_piece(keep=keep)) == undated(by_gunicorn(made, keep=keep))


@pytest.mark.parametrize(
    "made",
    [
        answer(headers=[("content-type", "text/plain")]),
        answer(headers=[("content-length", "3")]),
        answer("204 No Content", [("content-length", "0")], b""),
        answer("304 Not Modified", [("content-length", "0")], b""),
        answer("100 Continue", [("content-length", "0")], b""),
        answer("200"),
        answer("200 OK\r\nX: 1"),
        answer(headers=[*HEADERS, ("connection", "close")]),
        answer(headers=[*HEADERS, ("transfer-encoding", "chunked")]),
        answer(headers=[*HEADERS, ("server", "other")]),
        answer(headers=[*HEADERS, ("date", "today")]),
        answer(headers=[*HEADERS, ("Content-Length", "16")]),
        answer(headers=[("content-length", "30"), *HEADERS]),
        answer("2\u06600 OK"),
        answer(headers=[*HEADERS, ("X-Upper", "1")]),
        answer(headers=[*HEADERS, ("x-split", "1\r\nX-Other: 2")]),
        answer(headers=[*HEADERS, ("x-split", "1\nX-Other: 2")]),
        answer(headers=[*HEADERS, ("x: 1\r\nx", "2")]),
        answer(headers=[*HEADERS, ("x-null", "\0")]),
        answer(headers=[*HEADERS, ("x-wide", "\u20ac")]),
    ],
    ids=lambda made: f"{made.status!r} {made.headers[-1]}",
)
def test_an_unusual_answer_is_left_to_gunicorn(made: FastResponse) -> None:
    assert made.in_one_piece(keep=True) is None


def test_gunicorn_keeps_the_connection_unless_it_may_not() -> None:
    unmeasured = answer(headers=[("content-type", "text/plain")])

    assert b"\r\nConnection: keep-alive" in by_gunicorn(unmeasured, keep=True)
    assert b"\r\nConnection: close" in by_gunicorn(unmeasured, keep=False)
    assert b"\r\nTransfer-Encoding: chunked" in by_gunicorn(unmeasured, keep=True)


class Body:
    """An iterable that records when it is closed."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.closed: list[bool] = []
        self._condition: Callable[[], bool] = lambda: False

    def __iter__(self) -> Any:
        return iter(self._pieces)

    def close(self) -> None:
        self.closed.append(self._condition())

    @contextmanager
    def closed_after(self, condition: Callable[[], bool]) -> Iterator[None]:
        """Require that it is closed once in this block, with the condition true by then."""
        self._condition = condition
        yield
        assert self.closed == [True]


def telling(body: Body, headers: Any = HEADERS) -> Any:
    def application(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start(OK, headers)
        return body

    return application


def test_written_pieces_come_before_returned_ones() -> None:
    def application(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start(OK, HEADERS)(b"first ")
        return Body(b"second ", b"third")

    made = FastResponse().of(application, {})

    assert (made.status, made.headers, made.body) == (OK, HEADERS, b"first second third")


@pytest.mark.parametrize("headers", [HEADERS, HEADERS[:1]], ids=["in one piece", "by gunicorn"])
def test_a_body_is_closed_once_it_is_sent(headers: Any) -> None:
    connection, body = Connection(), Body(BODY)
    made = FastResponse().of(telling(body, headers), {})

    with body.closed_after(lambda: BODY in connection.sent):
        made.send(asked(), connection, Config(), keep=True)


def test_a_body_is_closed_though_its_sender_left() -> None:
    class Left(Connection):
        def sendall(self, _piece: bytes) -> None:
            raise BrokenPipeError

    body = Body(BODY)
    made = FastResponse().of(telling(body), {})

    with body.closed_after(lambda: True), pytest.raises(BrokenPipeError):
        made.send(asked(), Left(), Config(), keep=True)


def test_a_body_that_fails_on_the_way_is_closed() -> None:
    class Failing(Body):
        def __iter__(self) -> Any:
            yield b"first"
            raise ArithmeticError

    body = Failing()

    with body.closed_after(lambda: True), pytest.raises(ArithmeticError):
        FastResponse().of(telling(body), {})


def logs(config: Config) -> Logger:
    return Logger(config)


def test_pieces_written_between_returned_ones_keep_their_order() -> None:
    def application(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        write = start(OK, HEADERS)
        yield b"first "
        write(b"second ")
        yield b"third"

    assert FastResponse().of(application, {}).body == b"first second third"


def test_a_server_with_default_settings_allows_the_fast_path() -> None:
    assert fast_response.fast_path_allowed(Config(), logs(Config()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accesslog", "-"),
        ("pre_request", lambda _worker, _request: None),
        ("post_request", lambda _worker, _request: None),
        ("loglevel", "debug"),
    ],
)
def test_a_log_or_hook_for_each_request_forbids_the_fast_path(name: str, value: object) -> None:
    config = Config()
    config.set(name, value)

    assert not fast_response.fast_path_allowed(config, logs(config))


class Counting(Logger):
    """A logger with an access log of its own."""

    def access(self, *_: Any) -> None:
        raise NotImplementedError


def test_a_logger_with_its_own_access_log_forbids_the_fast_path() -> None:
    assert not fast_response.fast_path_allowed(Config(), Counting(Config()))


def test_errors_are_written_to_the_log_file_that_is_open_now(
    tmp_path: Path,
) -> None:
    path = tmp_path / "errors.log"
    config = Config()
    config.set("errorlog", str(path))
    log = Logger(config)
    errors = WsgiEnvironment(config).of(asked(), Connection())["wsgi.errors"]

    errors.write("before\n")
    path.rename(tmp_path / "errors.log.1")
    log.reopen_files()
    errors.writelines(["after\n"])
    errors.flush()
    for handler in list(log.error_log.handlers):
        log.error_log.removeHandler(handler)
        handler.close()

    assert path.read_text() == "after\n"


def test_a_script_name_forbids_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPT_NAME", "/hooks")

    assert not fast_response.fast_path_allowed(Config(), logs(Config()))
