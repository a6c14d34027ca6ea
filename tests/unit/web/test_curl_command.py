"""A stored request as a command: a shell sends the same bytes, and no secret is in it."""

import subprocess
from collections.abc import Iterator

import pytest

from app.masking import MASK
from app.web.pages import curl_command
from tests.support.sink import Sink, listening

NASTY = "'; touch /tmp/pwned; $(id) `id` \"\\ \n@file é"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


def command(url: str, body: bytes | None, **headers: object) -> str:
    return curl_command.of(
        url, headers, "application/json", body, file="request-1.bin", secret_in_path=False
    )


@pytest.mark.parametrize("body", [NASTY.encode(), b"@/etc/passwd", b"", b"a\r\nb\n"])
def test_a_shell_sends_the_same_bytes_and_runs_nothing_else(sink: Sink, body: bytes) -> None:
    made = command(sink.url, body, **{"X-Kind": NASTY.replace("\n", " ")})

    subprocess.run(["sh", "-c", made], check=True, capture_output=True, timeout=120)

    (received,) = sink.received
    assert received.body == body
    assert received.headers["X-Kind"].encode("latin-1").decode() == NASTY.replace("\n", " ")


def test_masked_headers_and_those_of_the_connection_are_left_out() -> None:
    made = command(
        "https://a.example",
        b"{}",
        **{
            "Authorization": MASK,
            "Host": "b.example",
            "Content-Length": "9",
            "X-Ok": "1",
            "a b": "c",
        },
    )

    assert made.count("-H ") == 2
    assert "X-Ok: 1" in made
    assert MASK not in made


def test_a_long_header_and_the_last_of_many_are_left_out() -> None:
    many = {f"X-{number}": "v" for number in range(60)}
    made = command("https://a.example", b"", **{"X-Long": "x" * 500}, **many)

    assert made.count("-H ") == 1 + 50
    assert "X-Long" not in made
    assert len(made) < 2_000


@pytest.mark.parametrize("body", [None, b"\xff\xfe", b"a\0b", b"x" * 20_001])
def test_a_body_that_cannot_stand_in_a_command_is_read_from_its_file(body: bytes | None) -> None:
    assert command("https://a.example", body).endswith("--data-binary @request-1.bin")


def test_a_secret_in_the_address_is_a_variable() -> None:
    made = curl_command.of("https://a.example/1", {}, None, b"x", file="f", secret_in_path=True)

    assert made.startswith('curl -X POST https://a.example/1/"$SECRET"')
