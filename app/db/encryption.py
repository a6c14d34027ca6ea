"""Encrypt secrets at rest with a key that is not in the database; decrypt them where used.

Fernet (AES-128-CBC with HMAC-SHA256) of the `cryptography` package; each key is derived by scrypt
from a text of the operator. The first key encrypts, every key decrypts: so a key can be rotated.
"""

import base64
import json
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app import masking
from app.errors import SecretSealed

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_SALT = b"hookonce secret key"
"""Salt of every installation: two machines with the same setting must derive the same key."""


@dataclass(frozen=True, slots=True)
class SecretBox:
    """Encrypts and decrypts secrets; without a key it stores plain text and decrypts nothing."""

    keys: tuple[str, ...] = field(default=(), repr=False)

    def columns(self, name: str, secret: str | None) -> dict[str, str | None]:
        """Return the values of the plain and the sealed column of this secret; one is empty."""
        if secret is None or not self.keys:
            return {name: secret, f"sealed_{name}": None}
        sealed = _fernet(self.keys).encrypt(secret.encode()).decode()
        return {name: "", f"sealed_{name}": sealed}  # an adopted column may forbid NULL

    def decrypt(self, row: Any, name: str = "secret") -> str | None:
        """Return the row's secret or None; raise SecretSealed if no key decrypts it."""
        sealed = getattr(row, f"sealed_{name}", None)
        return getattr(row, name, None) if sealed is None else self._decrypt(sealed)

    def opens(self, row: Any, name: str) -> bool:
        """Return True if the row's secret is plain, absent, or sealed with one of the keys."""
        with suppress(SecretSealed):
            self.decrypt(row, name)
            return True
        return False

    def payload_columns(self, payload: str | None) -> dict[str, str | None]:
        """Return the values of the plain and the sealed column of an action's payload.

        A payload with secrets is sealed whole, and its plain column shows it masked.
        """
        if payload is None or not self.keys or not masking.secrets_of(payload):
            return {"action_payload": payload, "sealed_action_payload": None}
        shown = masking.masked(payload)
        sealed = _fernet(self.keys).encrypt(json.dumps([shown, payload]).encode()).decode()
        return {"action_payload": shown, "sealed_action_payload": sealed}

    def payload(self, row: Any) -> str | None:
        """Return the payload of the row's action, sealed or plain.

        A plain column that differs from the one that was sealed was changed by older code, and
        counts. Raises SecretSealed if none of the keys decrypts it.
        """
        plain: str | None = row.action_payload
        sealed = getattr(row, "sealed_action_payload", None)
        if sealed is None:
            return plain
        shown, payload = json.loads(self._decrypt(sealed))
        return str(payload) if shown == plain else plain

    def current(self, sealed: str) -> bool:
        """Return True if the first key decrypts it: otherwise it is to be sealed again."""
        return _opened(self.keys[:1], sealed) is not None

    def _decrypt(self, sealed: str) -> str:
        if not self.keys:
            raise SecretSealed("a secret is sealed: HOOKONCE_SECRET_KEY is not set")
        opened = _opened(self.keys, sealed)
        if opened is None:
            raise SecretSealed("a secret is sealed with another HOOKONCE_SECRET_KEY")
        return opened


def _opened(keys: tuple[str, ...], sealed: str) -> str | None:
    """Return what was sealed; None if none of the keys decrypts it."""
    from cryptography.fernet import InvalidToken  # slow to load, and often not used

    try:
        return _fernet(keys).decrypt(sealed).decode()
    except InvalidToken:
        return None


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(_derive(key)) for key in keys])


@lru_cache(maxsize=8)
def _derive(key: str) -> bytes:
    """Derive a key by scrypt (RFC 7914) in some 50 ms, which each guess costs an attacker, too."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    derived = Scrypt(salt=_SALT, length=32, n=2**14, r=8, p=1).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
