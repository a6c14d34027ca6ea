"""The address of a client is read behind the proxies; a wrong number of them is logged once."""

import falcon
import pytest
from falcon import testing

from app.log import LogEvent
from app.web import client_address

CLIENT = "9.9.9.9"
FORGED = "8.8.8.8"
PROXY = "10.0.0.1"
LOCAL = "127.0.0.1"


@pytest.fixture(autouse=True)
def _nothing_logged_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_address, "_logged", set())


def request(peer: str, forwarded: str | None) -> falcon.Request:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    environ = testing.create_environ(headers=headers)
    return falcon.Request(environ | {"REMOTE_ADDR": peer})


@pytest.mark.parametrize(
    ("count", "peer", "forwarded", "address", "logged"),
    [
        (0, CLIENT, None, CLIENT, []),
        (0, CLIENT, FORGED, CLIENT, []),
        (1, LOCAL, CLIENT, CLIENT, []),
        (1, LOCAL, f"{FORGED}, {CLIENT}", CLIENT, []),
        (2, LOCAL, f"{CLIENT}, {PROXY}", CLIENT, []),
        (2, LOCAL, None, LOCAL, []),
        (0, LOCAL, CLIENT, LOCAL, [client_address.TOO_LOW]),
        (0, "", CLIENT, "", [client_address.TOO_LOW]),
        (1, LOCAL, f"{CLIENT}, {PROXY}", PROXY, [client_address.TOO_LOW]),
        (2, LOCAL, CLIENT, LOCAL, [client_address.TOO_HIGH]),
        (1, CLIENT, None, CLIENT, [client_address.TOO_HIGH]),
        (0, f"::ffff:{CLIENT}", FORGED, CLIENT, []),
        (1, f"::ffff:{CLIENT}", None, CLIENT, [client_address.TOO_HIGH]),
        (1, f"::ffff:{LOCAL}", f"{FORGED}, ::ffff:{CLIENT}", CLIENT, []),
        (0, "2001:4860::8", None, "2001:4860::8", []),
    ],
)
def test_a_number_that_does_not_fit_the_proxies_is_logged_once(
    count: int,
    peer: str,
    forwarded: str | None,
    address: str,
    logged: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = {client_address.of(request(peer, forwarded), count) for _ in range(2)}

    assert found == {address}
    assert [each.evt for each in caplog.records if isinstance(each, LogEvent)] == logged


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        (f"{CLIENT}:51234", CLIENT),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", LOCAL),
        ("unknown", LOCAL),
        (":443", LOCAL),
        ("[x]:443", LOCAL),
        ("", LOCAL),
    ],
)
def test_the_port_that_some_proxies_add_is_left_out(hop: str, address: str) -> None:
    assert client_address.of(request(LOCAL, hop), 1) == address
