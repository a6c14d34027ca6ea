"""Find a signature of the body by its bytes: another algorithm, alone or with further mistakes.

Several mistakes at once, such as the previous secret and a body that was written again, are found
for senders that sign the body alone: its digests are compared with the header's bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator

from app.intake.diagnosis import variants
from app.intake.diagnosis.findings import Cause, Refused

EXPECTED = "sha256"
ALGORITHMS = (EXPECTED, "sha1", "sha512", "sha384", "md5")
_HASHED = ((True, "the secret followed by the body"), (False, "the body followed by the secret"))


def find(refused: Refused, names: Iterable[str], previous: Cause) -> Iterator[Cause]:
    """Yield the mistakes that explain one of these headers; `previous` is that of its secret."""
    signatures = {name: _bytes_of(refused.headers[name]) for name in names}
    trigger = refused.trigger
    secrets: list[tuple[bytes, Cause | None]] = [(_key(trigger.secret), None)]
    for sentence, key in variants.decoded(trigger.secret):
        secrets.append((key, Cause("secret_spelling", sentence)))
    secrets.append((_key(trigger.previous_secret), previous))
    for changed, body in [(None, refused.request.body), *variants.bodies(refused.request.body)]:
        for secret, older in secrets:
            if not secret or refused.exhausted:
                continue
            refused.bytes_left -= (len(ALGORITHMS) + len(_HASHED)) * (len(body) + 200)
            for name, way in _matches(signatures, secret, body):
                expected = refused.source.facts.signature
                form = f"the signature ({name}) is {way}; this source expects {expected}"
                also = None if changed is None else Cause(*changed)
                yield from filter(None, (older, also, Cause("algorithm", form)))
                return


def _key(secret: str | None) -> bytes:
    return (secret or "").encode("utf-8", "surrogatepass")


def _matches(
    signatures: dict[str, list[bytes]], secret: bytes, body: bytes
) -> Iterator[tuple[str, str]]:
    """Yield each header with the way in which it was computed."""
    for name, candidates in signatures.items():
        for way, digest in _digests(secret, body):
            if any(hmac.compare_digest(digest, each) for each in candidates):
                yield name, way


def _digests(secret: bytes, body: bytes) -> Iterator[tuple[str, bytes]]:
    for algorithm in ALGORITHMS:
        yield f"HMAC-{algorithm.upper()} over the body", hmac.digest(secret, body, algorithm)
    for secret_first, words in _HASHED:
        joined = secret + body if secret_first else body + secret
        yield f"SHA-256 over {words}, and no HMAC", hashlib.sha256(joined).digest()


def _bytes_of(value: str) -> list[bytes]:
    """Return the bytes that the value may stand for: in hex or base64, after any prefix."""
    plain = value.strip().strip("\"'").strip()
    texts = {plain, plain.partition("=")[2], plain.partition(",")[2], plain.partition(" ")[2]}
    found = []
    for text in filter(None, texts):
        try:
            found.append(bytes.fromhex(text))
        except ValueError:
            standard = text.replace("-", "+").replace("_", "/").rstrip("=")
            try:
                found.append(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
            except (ValueError, binascii.Error):
                continue
    return found
