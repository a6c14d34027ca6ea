"""`allow`: the addresses that may send. `method: none`: they are all the proof there is. Pure."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime

from app.errors import Unverified
from app.intake.message import Request, Verifier
from app.intake.signatures import BAD
from app.intake.verification.members import Members, refuse

METHOD = "none"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MOST_NETWORKS = 200
_WIDEST = {4: 8, 6: 16}
"""Bits of the widest network that may be listed: a wider one is most of the Internet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoProof:
    """No proof at all: the addresses alone decide."""

    uses_secret: bool = False
    tolerance_seconds: None = None
    warnings: tuple[str, ...] = (
        "NOTHING IS VERIFIED: every program at an allowed address can send any event",
    )

    def verify(self, _request: Request, _secret: str, _now: datetime, _tolerance: object) -> None:
        """Accept the request."""

    def explain(self, _request: Request, _secret: str) -> list[str]:
        """Return that nothing is compared."""
        return ["compared: nothing but the address"]

    def sign(self, _secret: str, _body: bytes, _at: float, _url: str) -> dict[str, str]:
        """Return no headers."""
        return {}

    def mistake(self, _secret: str) -> None:
        """The secret is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedAddresses:
    """Another proof, and the addresses from which alone it is accepted."""

    networks: tuple[Network, ...]
    proof: Verifier

    @property
    def uses_secret(self) -> bool:
        """Return whether the proof compares the secret."""
        return self.proof.uses_secret

    @property
    def tolerance_seconds(self) -> float | None:
        """Return the tolerance of the proof."""
        return self.proof.tolerance_seconds

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the proof."""
        return self.proof.warnings

    def verify(self, request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
        """Require an allowed address, then the proof."""
        if not self._allows(request.address):
            raise Unverified(BAD)
        self.proof.verify(request, secret, now, tolerance)

    def explain(self, request: Request, secret: str) -> list[str]:
        """Return if the address is allowed, and what the proof compares."""
        verdict = "is allowed" if self._allows(request.address) else "is not in allow"
        address = f"the address {request.address or '(none)'} {verdict}"
        return [address, *self.proof.explain(request, secret)]

    def sign(self, secret: str, body: bytes, at: float, url: str) -> dict[str, str]:
        """Return the headers of the proof."""
        return self.proof.sign(secret, body, at, url)

    def mistake(self, secret: str) -> str | None:
        """Return a mistake of the proof's secret."""
        return self.proof.mistake(secret)

    def _allows(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        plain = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(plain.version == each.version and plain in each for each in self.networks)


def read(members: Members) -> NoProof:
    """Return the proof; raise InvalidTrigger for a member that it does not have."""
    members.require_none_left(METHOD)
    return NoProof()


def networks(members: Members) -> tuple[Network, ...]:
    """Return the networks of `allow`; raise InvalidTrigger for one that is none, or too wide."""
    listed = members.texts("allow")
    if len(listed) > MOST_NETWORKS:
        refuse("allow", f"must list at most {MOST_NETWORKS} networks")
    return tuple(_network(text) for text in listed)


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        refuse("allow", f"must list addresses or networks such as 192.0.2.0/24, not {text[:100]!r}")
    if network.prefixlen < _WIDEST[network.version]:
        refuse("allow", f"must not list {text}, which is most of the Internet")
    return network
