"""What the secrets of some senders look like: any other text could never verify a request. Pure."""

import base64
from collections.abc import Callable

STANDARD_PREFIX = "whsec_"
ED25519_KEY_BYTES = 32


def of_hex(secret: str) -> bytes:
    """The bytes that the hex stands for, at least one; else ValueError."""
    return _some(bytes.fromhex(secret))


def of_public_key(secret: str) -> bytes:
    """An Ed25519 public key in hex; else ValueError."""
    key = bytes.fromhex(secret)
    if len(key) != ED25519_KEY_BYTES:
        raise ValueError(f"a public key has {ED25519_KEY_BYTES} bytes")
    return key


def of_base64(secret: str) -> bytes:
    """The bytes that the base64 stands for, after whsec_ or without it; else ValueError."""
    encoded = secret.removeprefix(STANDARD_PREFIX).rstrip("=")
    return _some(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))


def of_token_or_base64(secret: str) -> bytes:
    """Any text, or what begins as `of_base64` has it; else ValueError."""
    standard = secret.startswith(STANDARD_PREFIX)
    return of_base64(secret) if standard else secret.encode("utf-8", "surrogatepass")


def mistake(source: str, secret: str) -> str | None:
    """Why this can be no secret of that source, as a sentence; None if it can."""
    read, said = _FORMS.get(source, (str, ""))
    try:
        read(secret)
    except ValueError:
        return f"a secret of the source {source!r} is {said}"
    return None


def _some(key: bytes) -> bytes:
    """No bytes would be a secret that everyone knows."""
    if not key:
        raise ValueError("it stands for no bytes")
    return key


_FORMS: dict[str, tuple[Callable[[str], object], str]] = {
    "adyen": (of_hex, "the HMAC key in hex that Adyen made"),
    "discord": (of_public_key, "the application's public key in hex, 64 digits"),
    "gitlab": (of_token_or_base64, "a token, or base64 after whsec_, as GitLab shows it"),
    "standard": (of_base64, "base64 after whsec_, as the sender shows it"),
}
