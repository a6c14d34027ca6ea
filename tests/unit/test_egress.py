"""An action may call public addresses, and others only if the operator lists them."""

import pytest

from app import egress
from app.egress import PUBLIC_ONLY

PUBLIC = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2a00::1"]
PUBLIC_IN_DISGUISE = ["::ffff:1.1.1.1", "64:ff9b::101:101"]
PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700::1111%eth0",
]


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_IN_DISGUISE])
def test_a_public_address_may_be_called(address: str) -> None:
    assert PUBLIC_ONLY.permits("acme.example", 443, address)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_our_own_network_may_not(address: str) -> None:
    assert not PUBLIC_ONLY.permits("acme.example", 443, address)


@pytest.mark.parametrize("address", ["", "acme.example", "127.1", "0x7f000001", "2130706433"])
def test_what_is_no_address_may_not(address: str) -> None:
    assert not PUBLIC_ONLY.permits("acme.example", 443, address)


@pytest.mark.parametrize(
    ("listed", "host", "port", "address"),
    [
        ("127.0.0.1/32", "localhost", 80, "127.0.0.1"),
        ("127.0.0.1", "localhost", 80, "127.0.0.1"),
        ("127.0.0.1", "localhost", 80, "::ffff:127.0.0.1"),
        ("::1", "[::1]", 80, "::1"),
        ("10.0.0.0/8, fd00::/8", "db", 80, "fd12::1"),
        ("10.0.0.0/8,fd00::/8", "db", 80, "10.255.0.1"),
        ("Internal.Acme.Example", "internal.acme.example.", 80, "10.0.0.1"),
        ("internal.acme.example.", "INTERNAL.acme.example", 80, "10.0.0.1"),
        ("internal:8080", "internal", 8080, "10.0.0.1"),
        ("10.0.0.1:8080", "internal", 8080, "10.0.0.1"),
        ("10.0.0.1:8080", "10.0.0.1", 8080, "10.0.0.1"),
        ("[::1]:8080", "[::1]", 8080, "::1"),
        ("[::1]:8080", "localhost", 8080, "::1"),
    ],
)
def test_what_is_listed_may_be_called(listed: str, host: str, port: int, address: str) -> None:
    assert egress.read(listed).permits(host, port, address)


@pytest.mark.parametrize(
    ("listed", "host", "port", "address"),
    [
        ("127.0.0.1/32", "localhost", 80, "127.0.0.2"),
        ("127.0.0.1/32", "localhost", 80, "::1"),
        ("internal", "other", 80, "10.0.0.1"),
        ("internal", "internal.acme.example", 80, "10.0.0.1"),
        ("internal:8080", "internal", 80, "10.0.0.1"),
        ("10.0.0.1:8080", "internal", 80, "10.0.0.1"),
        ("10.0.0.1:8080", "internal", 8080, "10.0.0.2"),
    ],
)
def test_what_is_like_the_listed_may_not(listed: str, host: str, port: int, address: str) -> None:
    assert not egress.read(listed).permits(host, port, address)


@pytest.mark.parametrize(
    "listed",
    [
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0.256",
        "10.0.0",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "http://internal",
        "internal/path",
        "internal:0",
        "internal:65536",
        "internal:http",
        "*.internal",
        "in ternal",
        "internal,",
        ",internal",
        "a,,b",
        "[::1",
        "müller.example",
        "-internal",
        "a..b",
    ],
)
def test_a_mistyped_entry_is_named_in_one_sentence(listed: str) -> None:
    with pytest.raises(
        ValueError, match=r"^(it has an empty entry|'[^']+' is not a |the port of '[^']+' is not )"
    ) as said:
        egress.read(listed)

    assert "\n" not in str(said.value)
