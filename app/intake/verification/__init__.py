"""Verification by description: a trigger says how its sender proves itself. Pure.

docs/sources/custom.md has the members with an example of each method.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from app.errors import InvalidTrigger
from app.intake.message import Source, Verifier
from app.intake.verification import address_proof, hmac_proof, token_proof
from app.intake.verification.members import FIELD, Members, refuse

COMPILED_AT_MOST = 1024
"""Descriptions that are kept compiled: triggers are read again each second."""
LONGEST = 100_000
"""Most characters of a description: a set of public keys takes some thousands."""


def _read_jwt(members: Members) -> Verifier:
    """Return the verifier of `method: jwt`; its library is slow to load, and often not used."""
    from app.intake.verification import jwt_proof

    return jwt_proof.read(members)


_METHODS: dict[str, Callable[[Members], Verifier]] = {
    hmac_proof.METHOD: hmac_proof.read,
    token_proof.TOKEN: token_proof.read_token,
    token_proof.BEARER: token_proof.read_bearer,
    token_proof.BASIC: token_proof.read_basic,
    "jwt": _read_jwt,
    address_proof.METHOD: address_proof.read,
}


def read(description: Mapping[str, Any]) -> Verifier:
    """Return the verifier of a description; raise InvalidTrigger with a sentence on a mistake."""
    members = Members(description)
    method = members.choice("method", _METHODS)
    networks = address_proof.networks(members)
    if method == address_proof.METHOD and not networks:
        refuse("allow", "is missing: method none accepts everything, so it needs the addresses")
    proof = _METHODS[method](members)
    return address_proof.AllowedAddresses(networks=networks, proof=proof) if networks else proof


@lru_cache(maxsize=COMPILED_AT_MOST)
def compiled(text: str) -> Verifier:
    """Return the verifier of a description as the column stores it; raises InvalidTrigger."""
    if len(text) > LONGEST:
        raise InvalidTrigger(f"{FIELD} must have at most {LONGEST:,} characters")
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidTrigger(f"{FIELD} is not JSON: {error}") from error
    if not isinstance(description, Mapping):
        raise InvalidTrigger(f'{FIELD} must be an object such as {{"method": "bearer"}}')
    return read(description)


def default_tolerance(source: Source, description: Mapping[str, Any] | None) -> float | None:
    """Return the tolerance of a trigger of this source that has none of its own."""
    if description is None:
        return source.tolerance_seconds
    try:
        return read(description).tolerance_seconds
    except InvalidTrigger:
        return None


def warnings(text: str | None) -> tuple[str, ...]:
    """Return sentences on weaknesses of a stored description; none for one that is unreadable."""
    try:
        return compiled(text).warnings if text else ()
    except InvalidTrigger:
        return ()
