"""`method: hmac`: an HMAC over the body and what else the sender signs, in a header. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from app.errors import Unverified
from app.intake.message import Request
from app.intake.signatures import BAD, MISSING, digest, require_match, require_recent
from app.intake.verification import encodings
from app.intake.verification.members import Members, refuse

METHOD = "hmac"
ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")
UNITS = ("s", "ms", "iso8601")
PLACEHOLDERS = ("body", "timestamp", "id", "url", "method")
TOLERANCE_SECONDS = 300.0
"""Tolerance where a timestamp is signed and the trigger has none of its own."""
HTTP_METHOD = "POST"
"""Webhooks arrive by no other method."""
_PART = re.compile(r"\{([^{}]*)\}|([^{}]+)|([{}])")
_NUMBER = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacProof:
    """An HMAC in a header, over a template of parts of the request."""

    header: str
    algorithm: str
    encoding: str
    prefix: str
    parts: tuple[tuple[str, str], ...]
    """The template: pairs of a placeholder and a literal text, one of them empty."""
    timestamp_header: str
    timestamp_field: str
    timestamp_unit: str
    id_header: str
    separator: str
    signature_field: str
    secret_encoding: str

    uses_secret: bool = True

    @property
    def tolerance_seconds(self) -> float | None:
        """Return the tolerance of a signed timestamp; None where none is signed."""
        return TOLERANCE_SECONDS if self._signs("timestamp") else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return a sentence if the body is not signed."""
        if self._signs("body"):
            return ()
        return ("the body is not signed: whoever sees one request can send any other body",)

    def verify(self, request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
        """Require the HMAC, and a fresh timestamp if one is signed."""
        presented, timestamp = self._presented(request)
        candidates = self._candidates(presented)
        if self._lacking(request, presented, timestamp):
            raise Unverified(MISSING)
        signed = self._signed(request, timestamp)
        try:
            expected = digest(self._key(secret), signed, self.algorithm)
        except ValueError:
            raise Unverified(BAD) from None  # the secret is not in the encoding that is described
        require_match(candidates or ["-"], encodings.encoded(expected, self.encoding))
        if self._signs("timestamp"):
            require_recent(self._seconds(timestamp), now, tolerance)

    def explain(self, request: Request, secret: str) -> list[str]:
        """Return what is signed, what was sent and what was expected."""
        presented, timestamp = self._presented(request)
        missing = self._lacking(request, presented, timestamp)
        if missing:
            return [f"the request has no {missing}"]
        if mistake := self.mistake(secret):
            return [mistake]
        signed = self._signed(request, timestamp)
        expected = encodings.encoded(
            digest(self._key(secret), signed, self.algorithm), self.encoding
        )
        candidates = self._candidates(presented)
        sha256 = encodings.content_digest(signed, "sha256").hex()
        lines = [
            f"signed: {self._template()}, {len(signed)} bytes with SHA-256 {sha256}",
            f"sent in {self.header}: {', '.join(map(_shortened, candidates)) or 'no signature'}",
            f"expected: HMAC-{self.algorithm.upper()} in {self.encoding}, {_shortened(expected)}",
        ]
        if "url" in dict(self.parts):
            lines.append(f"signed URL: {request.url}")
        if presented and not candidates:
            lines.append(self._form())
        return lines

    def sign(self, secret: str, body: bytes, at: float, url: str) -> dict[str, str]:
        """Return the headers of a request with this body."""
        timestamp = self._timestamp(at)
        headers = {self.id_header: encodings.content_digest(body, "sha256").hex()[:32]}
        headers |= {self.timestamp_header: timestamp}
        sent = {name.lower(): value for name, value in headers.items() if name}
        request = Request("", sent, body, url=url)
        made = digest(self._key(secret), self._signed(request, timestamp), self.algorithm)
        value = self.prefix + encodings.encoded(made, self.encoding, padded=True)
        if self.signature_field:
            value = f"{self.signature_field}={value}"
        if self.timestamp_field:
            value = f"{self.timestamp_field}={timestamp}{self.separator}{value}"
        return {name: each for name, each in headers.items() if name} | {self.header: value}

    def mistake(self, secret: str) -> str | None:
        """Return a sentence if the secret is not in the encoding that is described."""
        return encodings.secret_mistake(secret, self.secret_encoding)

    def _signs(self, placeholder: str) -> bool:
        return any(name == placeholder for name, _ in self.parts)

    def _lacking(self, request: Request, presented: str, timestamp: str) -> str:
        """Return the name of a part that the request lacks; empty if it has all."""
        if not presented:
            return self.header
        if self._signs("timestamp") and not timestamp:
            return self.timestamp_header or f"{self.timestamp_field} in {self.header}"
        if self._signs("id") and not request.headers.get(self.id_header.lower()):
            return self.id_header
        return ""

    def _presented(self, request: Request) -> tuple[str, str]:
        """Return the header with the signatures, and the timestamp as it was sent."""
        presented = request.headers.get(self.header.lower(), "").strip()
        if self.timestamp_field:
            fields = self._fields(presented)
            return presented, next((v for n, v in fields if n == self.timestamp_field), "")
        return presented, request.headers.get(self.timestamp_header.lower(), "").strip()

    def _fields(self, presented: str) -> list[tuple[str, str]]:
        pairs = [part.strip().partition("=") for part in presented.split(self.separator)]
        return [(name.strip(), value.strip()) for name, _, value in pairs]

    def _candidates(self, presented: str) -> list[str]:
        """Return the signatures without field name and prefix, in the form that is compared."""
        if self.signature_field:
            values = [v for n, v in self._fields(presented) if n == self.signature_field]
        elif self.separator:
            values = [part.strip() for part in presented.split(self.separator)]
        else:
            values = [presented]
        stripped = [v.removeprefix(self.prefix) for v in values if v.startswith(self.prefix)]
        return [encodings.comparable(value, self.encoding) for value in stripped if value]

    def _signed(self, request: Request, timestamp: str) -> bytes:
        values = {
            "body": request.body,
            "timestamp": _bytes(timestamp),
            "id": _bytes(request.headers.get(self.id_header.lower(), "")),
            "url": _bytes(request.url),
            "method": HTTP_METHOD.encode(),
        }
        return b"".join(values[name] if name else literal.encode() for name, literal in self.parts)

    def _key(self, secret: str) -> bytes:
        """Return the key of the HMAC; raises ValueError for a secret in another encoding."""
        return encodings.SECRETS[self.secret_encoding](secret)

    def _seconds(self, timestamp: str) -> float:
        """Return the Unix time of the timestamp; raise Unverified if it is none."""
        if self.timestamp_unit == "iso8601":
            try:
                moment = datetime.fromisoformat(timestamp)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            except (ValueError, OverflowError):
                raise Unverified(BAD) from None
        if not _NUMBER.fullmatch(timestamp):
            raise Unverified(BAD)
        return float(timestamp) / (1000 if self.timestamp_unit == "ms" else 1)

    def _timestamp(self, at: float) -> str:
        if self.timestamp_unit == "iso8601":
            return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")
        return str(int(at * 1000 if self.timestamp_unit == "ms" else at))

    def _template(self) -> str:
        return "".join(f"{{{name}}}" if name else literal for name, literal in self.parts)

    def _form(self) -> str:
        field = f" in the field {self.signature_field!r}" if self.signature_field else ""
        prefix = f" that begins with {self.prefix!r}" if self.prefix else ""
        return f"{self.header} has no signature{field}{prefix}"


def read(members: Members) -> HmacProof:
    """Return the proof that these members describe; raise InvalidTrigger for a mistake."""
    header = members.header("header")
    if not header:
        refuse("header", "is missing: the name of the header with the signature")
    proof = HmacProof(
        header=header,
        algorithm=members.choice("algorithm", ALGORITHMS, "sha256"),
        encoding=members.choice("encoding", encodings.NAMES, "hex"),
        prefix=members.text("prefix"),
        parts=_parts(members.text("signed", "{body}")),
        timestamp_header=members.header("timestamp_header"),
        timestamp_field=members.text("timestamp_field"),
        timestamp_unit=members.text("timestamp_unit"),
        id_header=members.header("id_header"),
        separator=members.text("separator"),
        signature_field=members.text("signature_field"),
        secret_encoding=members.choice("secret_encoding", encodings.SECRETS, "text"),
    )
    members.require_none_left(METHOD)
    return _completed(proof)


def _parts(template: str) -> tuple[tuple[str, str], ...]:
    parts = []
    for name, literal, stray in _PART.findall(template):
        if stray or (not literal and name not in PLACEHOLDERS):
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            refuse("signed", f"may have only {known} in braces, not {stray or '{' + name + '}'}")
        parts.append((name, literal))
    if not any(name in ("body", "timestamp", "id") for name, _ in parts):
        refuse("signed", "must have {body}: a signature of the address alone is the same each time")
    return tuple(parts)


def _completed(proof: HmacProof) -> HmacProof:
    """Return the proof with its defaults; raise InvalidTrigger for members that contradict."""
    _require_pairs(proof)
    fields = proof.signature_field or proof.timestamp_field
    separator = proof.separator or ("," if fields else "")
    unit = proof.timestamp_unit or "s"
    if unit not in UNITS:
        refuse("timestamp_unit", f"must be one of {', '.join(UNITS)}")
    values = {name: getattr(proof, name) for name in proof.__dataclass_fields__}
    return HmacProof(**values | {"separator": separator, "timestamp_unit": unit})


def _require_pairs(proof: HmacProof) -> None:
    """Refuse a part that is signed and not sent, and one that is sent and not signed."""
    names = {name for name, _ in proof.parts}
    timestamp = proof.timestamp_header or proof.timestamp_field
    if proof.timestamp_header and proof.timestamp_field:
        refuse("timestamp_field", "and timestamp_header exclude each other")
    if "timestamp" in names and not timestamp:
        refuse("signed", "has {timestamp}: say in timestamp_header or timestamp_field where it is")
    if timestamp and "timestamp" not in names:
        refuse("signed", "must have {timestamp}: a time that is not signed proves nothing")
    if proof.timestamp_unit and not timestamp:
        refuse("timestamp_unit", "has no meaning without {timestamp} in signed")
    if "id" in names and not proof.id_header:
        refuse("signed", "has {id}: say in id_header where it is")
    if proof.id_header and "id" not in names:
        refuse(
            "signed",
            "must have {id}, or id_header must go: an id that is not signed proves nothing",
        )
    if proof.timestamp_field and not proof.signature_field:
        refuse("signature_field", "is missing: the field beside timestamp_field with the signature")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _shortened(signature: str) -> str:
    """Return the beginning of a signature, which suffices to compare two of them."""
    return f"{signature[:12]}... ({len(signature)} characters)"
