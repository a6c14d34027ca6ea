"""The fast parser finds in a request exactly what gunicorn's parser finds."""

from collections.abc import Mapping
from typing import Any

import pytest
from gunicorn import http
from gunicorn.config import Config
from gunicorn.http import wsgi
from hypothesis import given
from hypothesis import strategies as st

from app.cooperative import SMALL_REQUEST_BYTES
from app.server.fast_parser import FastParser, FastRequest

PEER, SERVER = ("127.0.0.1", 55555), ("127.0.0.1", 8000)
STRANGER = ("192.0.2.7", 55555)
PREFIX = b"POST /api/"
LINE = "POST /api/triggers/webhook/1 HTTP/1.1"
GITHUB = (
    "Host: hooks.example",
    "User-Agent: GitHub-Hookshot/044aadd",
    "Accept: */*",
    "Content-Type: application/json",
    "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "X-Hub-Signature-256: sha256=" + 64 * "a",
)


class Socket:
    """A socket with nothing to read."""

    def recv(self, _size: int) -> bytes:
        return b""


def request(*headers: str, line: str = LINE, body: bytes = b"{}") -> bytes:
    lines = (line, *headers, f"Content-Length: {len(body)}", "", "")
    return "\r\n".join(lines).encode("latin-1") + body


def configured(**settings: Any) -> Config:
    config = Config()
    for name, value in {"header_map": "drop", "forwarder_headers": "", **settings}.items():
        config.set(name, value)
    return config


def parsed(arrived: bytes, peer: Any = PEER, **settings: Any) -> FastRequest | None:
    return FastParser(configured(**settings), PREFIX).read(arrived, peer)


def by_gunicorn(arrived: bytes, peer: Any, config: Config) -> Any:
    parser = http.get_parser(config, Socket(), peer)
    parser.unreader.unread(arrived)
    return next(parser)


def meaning(request: Any, peer: Any, config: Config) -> tuple[Mapping[str, Any], bytes, bool]:
    """Return all that the application and the server get from the request."""
    _answer, environ = wsgi.create(request, Socket(), peer, SERVER, config)
    own = ("wsgi.input", "wsgi.errors", "wsgi.early_hints", "gunicorn.socket")
    passed_on = {name: value for name, value in environ.items() if name not in own}
    return passed_on, request.body.read(), request.should_close()


def require_the_same(arrived: bytes, peer: Any = PEER, **settings: Any) -> bool:
    """Return whether the fast parser took the request; then gunicorn must find the same in it."""
    config = configured(**settings)
    request = FastParser(config, PREFIX).read(arrived, peer)
    if request is None:
        return False
    expected = meaning(by_gunicorn(arrived, peer, config), peer, config)
    assert meaning(request, peer, config) == expected
    return True


@pytest.mark.parametrize(
    "arrived",
    [
        request(*GITHUB, body=b'{"action": "opened"}'),
        request("Host: here", "Connection: close"),
        request("host: here", "connection: Keep-Alive", body=b""),
        request("Host:here", "X-Empty:", "X-Space: \t a \t b \t", "X-Latin: \xa0caf\xe9\xa0"),
        request("Host: here", line="POST /api/triggers/webhook/1/a.secret~part-1_2 HTTP/1.1"),
        request("Host: here", "X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1, ::1"),
        request("Host: here", "X-Forwarded-Proto: http"),
        request("X-No-Host: 1"),
    ],
    ids=lambda arrived: repr(arrived[-60:]),
)
@pytest.mark.parametrize("peer", [PEER, STRANGER, ""], ids=["proxy", "stranger", "unix"])
def test_real_requests_are_parsed_as_gunicorn_parses_them(arrived: bytes, peer: Any) -> None:
    assert require_the_same(arrived, peer)


@pytest.mark.parametrize(
    "arrived",
    [
        request("Host: here", line="GET /api/triggers/webhook/1 HTTP/1.1"),
        request("Host: here", line="POST /other/1 HTTP/1.1"),
        request("Host: here", body=SMALL_REQUEST_BYTES * b"a"),
        request("Host: here", line="POST /api/triggers/webhook/1 HTTP/1.0"),
        request("Host: here", line="POST /api/triggers/webhook/1?a=b HTTP/1.1"),
        request("Host: here", line="POST /api/triggers/webhook/%31 HTTP/1.1"),
        request("Host: here", line="POST /api/triggers/webhook/\xe9 HTTP/1.1"),
        request("Host: here", line="POST http://here/api/triggers/webhook/1 HTTP/1.1"),
        request("Host: here", line="POST  /api/triggers/webhook/1 HTTP/1.1"),
        request("Host: here", "Host: there"),
        request("X-Twice: 1", "x-twice: 2"),
        request("X_Under: 1"),
        request("Space : 1"),
        request(" Folded: 1"),
        request("X: 1", " folded"),
        request("X: \0"),
        request("X: \x7f"),
        request("X: bare\nLf: 1"),
        request("X: bare\rCr: 1"),
        request("Colonless"),
        request(": nameless"),
        request("Transfer-Encoding: chunked"),
        request("Expect: 100-continue"),
        request("Upgrade: h2c"),
        request("Connection: upgrade"),
        request("Connection: close, keep-alive"),
        request("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off"),
        request("Content-Length: 2"),
        request() + b"more",
        request()[:-1],
        request().replace(b"Content-Length: 2", b"Content-Length: 02"),
        request().replace(b"Content-Length: 2", b"X: 2"),
        LINE.encode() + b"\r\n\r\n",
        LINE.encode(),
        b"",
    ],
    ids=lambda arrived: repr(arrived[:80]),
)
def test_an_unusual_request_is_left_to_gunicorn(arrived: bytes) -> None:
    assert parsed(arrived) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"limit_request_line": 20},
        {"limit_request_field_size": 20},
        {"limit_request_fields": 6},
        {"proxy_protocol": "auto"},
        {"protocol": "uwsgi"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_limits_and_protocols_of_the_operator_are_left_to_gunicorn(
    settings: dict[str, Any],
) -> None:
    arrived = request(*GITHUB)

    assert parsed(arrived) is not None
    assert parsed(arrived, **settings) is None


def test_without_limits_those_of_the_fast_parser_hold() -> None:
    assert parsed(request(*GITHUB), limit_request_line=0, limit_request_field_size=0) is not None
    long_line = request(line=f"POST /api/{8190 * 'a'} HTTP/1.1")
    for arrived in (request("X: " + 8190 * "a"), long_line):
        assert parsed(arrived, limit_request_line=0) is None
        assert parsed(arrived, limit_request_line=16_000, limit_request_field_size=16_000) is None


KNOWN_NAMES = (
    *("Host", "host", "Connection", "Content-Length", "Content-Type", "X-Forwarded-Proto"),
    *("X-Forwarded-Ssl", "Script_Name", "SCRIPT-NAME", "Expect", "X-Request-Id", "X", "x", "X_Y"),
)
NAMES = st.sampled_from(KNOWN_NAMES) | st.text(st.characters(max_codepoint=255), max_size=4)
VALUES = st.sampled_from(["https", "on", "close", "keep-alive", "2", "100-continue", ""]) | st.text(
    st.characters(max_codepoint=255), max_size=8
)
LINES = st.sampled_from([LINE, LINE, LINE, LINE.replace("1.1", "1.0"), LINE + " "]) | st.text(
    st.characters(max_codepoint=255), max_size=8
).map(lambda path: f"POST /{path} HTTP/1.1")


@given(
    line=LINES,
    headers=st.lists(st.tuples(NAMES, st.sampled_from([":", ": ", " : "]), VALUES), max_size=6),
    body=st.binary(max_size=8),
    peer=st.sampled_from([PEER, STRANGER]),
)
def test_generated_requests_mean_the_same_to_gunicorn(
    line: str, headers: list[tuple[str, str, str]], body: bytes, peer: Any
) -> None:
    require_the_same(request(*map("".join, headers), line=line, body=body), peer)
