"""Secrets at rest: sealed with a key that is not in the database, and opened where they are used.

Fernet (AES-128-CBC with HMAC-SHA256) of the `cryptography` package; each key is derived from what
the operator wrote, by scrypt. The first key seals, every key opens: so a key is changed.
"""

import base64
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.errors import SecretSealed

_SALT = b"hookonce secret key"
"""The same everywhere: two machines with one setting must derive one key."""


@dataclass(frozen=True, slots=True)
class SecretBox:
    """Seals and opens; without a key it leaves everything in the clear and opens nothing."""

    keys: tuple[str, ...] = field(default=(), repr=False)

    def columns(self, name: str, secret: str | None) -> dict[str, str | None]:
        """The values of the two columns that keep this secret: in one of them is nothing."""
        if secret is None or not self.keys:
            return {name: secret, f"sealed_{name}": None}
        sealed = _fernet(self.keys).encrypt(secret.encode()).decode()
        return {name: "", f"sealed_{name}": sealed}  # a found column may forbid NULL

    def decrypt(self, row: Any, name: str = "secret") -> str | None:
        """The secret that the row keeps, sealed or not; None if it keeps none.

        Raises SecretSealed where it is sealed with a key that is not ours.
        """
        sealed = getattr(row, f"sealed_{name}", None)
        return getattr(row, name, None) if sealed is None else self._open(sealed)

    def current(self, sealed: str) -> bool:
        """Whether it is the first key that opens it."""
        try:
            _fernet(self.keys[:1]).decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def _open(self, sealed: str) -> str:
        if not self.keys:
            raise SecretSealed("a secret is sealed: HOOKONCE_SECRET_KEY is not set")
        try:
            return _fernet(self.keys).decrypt(sealed).decode()
        except InvalidToken:
            raise SecretSealed("a secret is sealed with another HOOKONCE_SECRET_KEY") from None


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


@lru_cache(maxsize=8)
def _derived(key: str) -> bytes:
    """https://www.rfc-editor.org/rfc/rfc7914: some 50 ms once, so that a guess costs as much."""
    derived = Scrypt(salt=_SALT, length=32, n=2**14, r=8, p=1).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
