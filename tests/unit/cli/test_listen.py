"""`hookonce listen` names a mistake in a sentence and loses no execution by a 5xx."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import listen, main
from app.cli.listen import Api, Arrivals
from tests.support.sink import Sink, listening


@pytest.fixture
def service() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


def listened(server: str, url: str = "http://127.0.0.1:1/", token: str = "token") -> Any:
    options = ["--trigger", "1", "--server", server, "--token", token]
    return CliRunner().invoke(main, ["listen", url, *options])


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000/", "ftp://a/", "http:///b", "http://[::1/", "http://a:99999/"]
)
def test_an_address_that_cannot_be_called_is_refused_before_any_request(
    service: Sink, url: str
) -> None:
    ended = listened(service.url, url)

    assert (ended.exit_code, service.received) == (2, [])
    assert f"{url!r} " in ended.output


@pytest.mark.parametrize("token", ["tok\u2013en", "tok\nen", "tok\x00en"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(token: str) -> None:
    ended = listened("http://127.0.0.1:1", token=token)

    assert ended.exit_code == 2
    assert "a token has no such characters" in ended.output
    assert token not in ended.output


@pytest.mark.parametrize(
    ("status", "headers", "body", "sentence"),
    [
        (200, {}, b"<html>", "answered no JSON: it is no Hookonce"),
        (200, {}, b"[]", "answered no JSON: it is no Hookonce"),
        (308, {"Location": "https://b/"}, b"", "answered 308, to https://b/"),
        (303, {"Location": "/login?next=%2F"}, b"", "refuses the token"),
        (401, {}, b"", "refuses the token"),
        (503, {}, b"", "no response: HTTP 503"),
    ],
)
def test_a_server_that_is_no_use_is_a_sentence(
    service: Sink, status: int, headers: dict[str, str], body: bytes, sentence: str
) -> None:
    service.status, service.headers, service.body = status, headers, body

    ended = listened(service.url)

    assert (ended.exit_code, isinstance(ended.exception, SystemExit)) == (1, True)
    assert sentence in ended.output


def test_an_execution_that_could_not_be_read_is_forwarded_later(
    service: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Arrivals, "_page", lambda *_, **__: [{"id": 8}, {"id": 7}])
    api = Api(service.url, "token")
    arrivals = Arrivals(api, 1, after=6)
    service.status = 503

    listen._forward_new(api, arrivals, service.url)
    high, service.status = arrivals.high, 200
    listen._forward_new(api, arrivals, service.url)

    forwarded = [each.headers.get("Hookonce-Execution") for each in service.received]
    assert high == 6
    assert [each for each in forwarded if each] == ["7", "8"]


def test_a_body_without_end_does_not_hold_the_next_execution_up(service: Sink) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> socket.socket:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
            return connection

        with ThreadPoolExecutor(1) as threads:
            answered = threads.submit(answer)
            target = "http://127.0.0.1:{1}/".format(*server.getsockname())
            words = listen._forwarded(Api(service.url, "token"), 1, target)
            answered.result().close()

    assert words.startswith("HTTP 200 in ")
