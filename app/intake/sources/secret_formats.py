"""The formats of senders' secrets; a secret in another format could verify no request. Pure."""

import base64
from collections.abc import Callable

STANDARD_PREFIX = "whsec_"
ED25519_KEY_BYTES = 32


def of_hex(secret: str) -> bytes:
    """Return the bytes of a secret in hex, at least one; raises ValueError."""
    return _not_empty(bytes.fromhex(secret))


def of_public_key(secret: str) -> bytes:
    """Return the bytes of an Ed25519 public key in hex; raises ValueError."""
    key = bytes.fromhex(secret)
    if len(key) != ED25519_KEY_BYTES:
        raise ValueError(f"a public key has {ED25519_KEY_BYTES} bytes")
    return key


def of_base64(secret: str) -> bytes:
    """Return the bytes of a secret in base64, with or without whsec_; raises ValueError."""
    encoded = secret.removeprefix(STANDARD_PREFIX).rstrip("=")
    return _not_empty(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))


def of_token_or_base64(secret: str) -> bytes:
    """Return the bytes of a token, or of base64 if it begins with whsec_; raises ValueError."""
    is_base64 = secret.startswith(STANDARD_PREFIX)
    return of_base64(secret) if is_base64 else secret.encode("utf-8", "surrogatepass")


def mistake(source: str, secret: str) -> str | None:
    """Return a sentence if the secret has not the format of the source, else None."""
    read, description = _FORMATS.get(source, (str, ""))
    try:
        read(secret)
    except ValueError:
        return f"the secret of source {source!r} must be {description}"
    return None


def _not_empty(key: bytes) -> bytes:
    """Refuse an empty secret, which anybody could guess."""
    if not key:
        raise ValueError("the secret is empty")
    return key


_FORMATS: dict[str, tuple[Callable[[str], object], str]] = {
    "adyen": (of_hex, "the HMAC key in hex that Adyen generated"),
    "discord": (of_public_key, "the application's public key in hex, 64 digits"),
    "gitlab": (of_token_or_base64, "a token, or base64 after whsec_, as GitLab shows it"),
    "standard": (of_base64, "base64 after whsec_, as the sender shows it"),
}
