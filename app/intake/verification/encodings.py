"""Encodings of a digest, each in one form that can be compared. Pure."""

import base64
import hashlib
from collections.abc import Callable

NAMES = ("hex", "base64", "base64url")


def encoded(digest: bytes, encoding: str, *, padded: bool = False) -> str:
    """Return the digest as text in the form that `comparable` returns; or with its padding."""
    if encoding == "hex":
        return digest.hex()
    encode = base64.urlsafe_b64encode if encoding == "base64url" else base64.b64encode
    text = encode(digest).decode()
    return text if padded else text.rstrip("=")


def comparable(text: str, encoding: str) -> str:
    """Return the text in one form: hex in lower case, base64 without its padding."""
    return text.lower() if encoding == "hex" else text.rstrip("=")


def content_digest(content: bytes, algorithm: str) -> bytes:
    """Return the digest of the content without a key."""
    return hashlib.new(algorithm, content, usedforsecurity=False).digest()


def _of_text(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")


def _of_base64(secret: str) -> bytes:
    standard = secret.translate(str.maketrans("-_", "+/")).rstrip("=")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


SECRETS: dict[str, Callable[[str], bytes]] = {
    "text": _of_text,
    "hex": bytes.fromhex,
    "base64": _of_base64,
}
"""Functions that read a secret in each encoding; each raises ValueError for another one."""


def secret_mistake(secret: str, encoding: str) -> str | None:
    """Return a sentence if the secret is empty or not in this encoding, else None."""
    try:
        if SECRETS[encoding](secret):
            return None
    except ValueError:
        pass
    return f"the secret must be {encoding}, as secret_encoding of verification says"
