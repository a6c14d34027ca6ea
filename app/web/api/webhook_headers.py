"""Find the request headers that a source reads, by running its code on a request without them.

So the description of webhooks names each header of each sender without a second list of them.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from app import clock
from app.errors import HookonceError
from app.intake import signing, sources
from app.intake.message import Request, Source

_BY_HTTP = frozenset({"", "authorization", "content-type"})
"""Names that are no parameter in OpenAPI, which describes them in another way."""
_SECRETS = ("whsec_c2VjcmV0", "00" * 32)
"""Secrets in the formats of the sources, to sign an example."""
_URL = "https://hooks.acme.example/"


class _Names(Mapping[str, str]):
    """Headers that remember the names that were looked up."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = {name.lower(): value for name, value in headers.items()}
        self.looked_up: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.looked_up.append(name)
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)


@cache
def readers() -> dict[str, list[str]]:
    """Return each header by its name, with the built-in sources that read it, both sorted."""
    spelled: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for name in sources.built_in():
        signed = _signed(name)
        spelled |= {each.lower(): each for each in (*signed, *sources.named(name).event_headers)}
        for header in {*_read(sources.named(name), signed)} - _BY_HTTP:
            found.setdefault(header, []).append(name)
    return {spelled.get(name, name.title()): found[name] for name in sorted(found)}


def _signed(name: str) -> dict[str, str]:
    """Return the headers of a signed example; empty if the sender alone can sign."""
    for secret in _SECRETS:
        try:
            return signing.signed_headers(name, secret, b"{}", url=_URL)
        except (HookonceError, ValueError):
            continue
    return {}


def _read(source: Source, signed: dict[str, str]) -> Iterator[str]:
    """Yield the headers that are looked up without any, with a signed example, and for events."""
    yield from (each.lower() for each in (*signed, *source.event_headers))
    for given in ({}, signed):
        headers = _Names(given)
        request = Request("1", headers, b"{}", url=_URL)
        for step in (_verify, _read_events):
            try:
                step(source, request)
            except HookonceError:
                continue
        yield from headers.looked_up


def _verify(source: Source, request: Request) -> None:
    source.verify(request, _SECRETS[-1], clock.now(), None)


def _read_events(source: Source, request: Request) -> None:
    source.handshake(request, {})
    for event in source.events(request, {}):
        source.provider_key(request, event)
