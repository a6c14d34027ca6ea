"""Forms of a body, a header, an address or a secret that a sender may have signed. Pure."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from urllib.parse import unquote, urlsplit, urlunsplit

from app.errors import Unreadable
from app.intake import strict_json
from app.intake.message import Request

PREFIXES = ("", "sha256=", "sha1=", "v1=", "v0=", "v1,", "Bearer ", "Token ", "Basic ")
"""Texts that senders write before a signature or a token."""
HEADERS_TRIED = 6
"""Headers of a request whose value is tried in other forms."""
LONGEST_VALUE = 2_000
_PREFIX = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]{0,15}[=,:] ?|(?:Bearer|Token|Basic) +)", re.I)
_WHSEC = "whsec_"

Variant = tuple[str, str]
"""A code and a sentence."""

_ENDS = "a line break or space at the end of the body was added or removed after it was signed"
_LINES = "the line breaks of the body were changed after it was signed"
_JSON = "the body was written again as JSON after it was signed (white space, order or escapes)"


def bodies(body: bytes) -> Iterator[tuple[Variant, bytes]]:
    """Yield other forms of the body: signed before something between sender and us changed it."""
    yield from _differing(body, ("newline_removed", _ENDS), body.rstrip(b" \t\r\n"))
    yield from _differing(body, ("newline_removed", _ENDS), body.strip())
    for end in (b"\n", b"\r\n"):
        yield ("newline_added", _ENDS), body + end
    unix = body.replace(b"\r\n", b"\n")
    yield from _differing(body, ("line_breaks", _LINES), unix)
    yield from _differing(body, ("line_breaks", _LINES), unix.replace(b"\n", b"\r\n"))
    mark = "the byte order mark of the body is not signed"
    yield from _differing(body, ("byte_order_mark", mark), body.removeprefix(b"\xef\xbb\xbf"))
    for text in _serialised(body):
        yield from _differing(body, ("reserialised_json", _JSON), text)
    yield from _recoded(body)
    yield from _differing(body, ("empty_body", "an empty body was signed, not this one"), b"")


def _differing(body: bytes, variant: Variant, other: bytes) -> Iterator[tuple[Variant, bytes]]:
    if other != body:
        yield variant, other


def _recoded(body: bytes) -> Iterator[tuple[Variant, bytes]]:
    sentence = "the body was signed in another character encoding (Latin-1 or UTF-8)"
    for source, target in (("utf-8", "latin-1"), ("latin-1", "utf-8")):
        try:
            recoded = body.decode(source).encode(target)
        except UnicodeError:
            continue
        yield from _differing(body, ("character_encoding", sentence), recoded)


def _serialised(body: bytes) -> Iterator[bytes]:
    try:
        value = strict_json.loads(body)
    except Unreadable:
        return
    seen: set[bytes] = set()
    for separators in ((",", ":"), (", ", ": ")):
        for sort_keys in (False, True):
            for ascii_only in (False, True):
                for text in _written(value, separators, sort_keys, ascii_only):
                    if text not in seen:
                        seen.add(text)
                        yield text
    for indent in (2, 4):
        yield json.dumps(value, indent=indent, ensure_ascii=False).encode("utf-8", "replace")


def _written(
    value: object, separators: tuple[str, str], sort_keys: bool, ascii_only: bool
) -> Iterator[bytes]:
    text = json.dumps(
        value, separators=separators, sort_keys=sort_keys, ensure_ascii=ascii_only
    ).encode("utf-8", "replace")
    yield text
    yield text.replace(b"/", b"\\/")  # as PHP writes it


def values(value: str) -> Iterator[tuple[Variant, str]]:
    """Yield other forms of a header's value: its prefix, its encoding, its spelling."""
    plain = value.strip().strip("\"'").strip()
    match = _PREFIX.match(plain)
    prefix, core = (match[0], plain[match.end() :]) if match else ("", plain)
    recoded: list[tuple[Variant, str]] = [(("prefix", _prefix_sentence(prefix)), core)]
    recoded += [
        (("encoding", f"the signature is written {sentence}"), other)
        for sentence, convert in _CONVERSIONS
        if (other := _converted(convert, core)) not in (None, core)
    ]
    for variant, text in recoded:
        for before in dict.fromkeys((prefix, *PREFIXES)):
            if before + text != value:
                same = before == prefix and text == core
                yield (("spelling", _SPELLING) if same else variant), before + text


_SPELLING = "the header has spaces or quotation marks around the signature"


def _prefix_sentence(prefix: str) -> str:
    if prefix:
        return f"the signature comes with the prefix {prefix.strip()!r}, which is not expected"
    return "the signature comes without the prefix that is expected"


def _converted(convert: Callable[[str], str], text: str) -> str | None:
    try:
        return convert(text)
    except (ValueError, binascii.Error):
        return None


def _hex_to_base64(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()


def _base64_to_hex(text: str) -> str:
    return base64.b64decode(text, validate=True).hex()


def _url_to_base64(text: str) -> str:
    standard = text.replace("-", "+").replace("_", "/")
    return standard + "=" * (-len(standard) % 4)


_CONVERSIONS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("in upper case", str.lower),
    ("in lower case", str.upper),
    ("in hex, not in base64", _hex_to_base64),
    ("in base64, not in hex", _base64_to_hex),
    ("in base64 for URLs, or without its padding", _url_to_base64),
    ("with percent escapes", unquote),
)


def addresses(request: Request) -> Iterator[str]:
    """Yield other addresses that the sender may have called: it signs the one that it knows."""
    parts = urlsplit(request.url)
    hosts = [parts.netloc, *(request.headers.get(n, "") for n in ("x-forwarded-host", "host"))]
    for host in dict.fromkeys(filter(None, hosts)):
        for scheme in ("https", "http"):
            for path in (parts.path, parts.path.rstrip("/"), parts.path.rstrip("/") + "/"):
                for query in dict.fromkeys((parts.query, "")):
                    yield urlunsplit((scheme, host[:255], path, query, ""))


def secrets(secret: str) -> Iterator[tuple[str, str]]:
    """Yield other spellings of a secret, each with a sentence that does not repeat it."""
    stripped = secret.strip()
    if stripped != secret:
        yield "the trigger's secret has white space at an end that the sender's has not", stripped
    for start, end in (("", "\n"), ("", "\r\n"), ("", " "), ("", "\t"), (" ", ""), (" ", " ")):
        sentence = "the sender's secret has white space at an end that the trigger's has not"
        yield sentence, f"{start}{secret}{end}"
    if stripped.startswith(_WHSEC):
        yield "the sender signs without the prefix whsec_", stripped.removeprefix(_WHSEC)
    else:
        yield "the sender's secret begins with whsec_", _WHSEC + stripped
    for text in (secret, secret.removeprefix(_WHSEC)):
        plain = text.encode("utf-8", "surrogatepass")
        in_base64 = base64.b64encode(plain).decode()
        yield "the sender signs with the secret in base64, or without decoding it", in_base64
        yield "the sender signs with the secret in hex, or without decoding it", plain.hex()
    for sentence, key in decoded(secret):
        with suppress(ValueError):
            yield sentence, key.decode()
    yield "the sender signs with the secret without percent escapes", unquote(secret)
    yield "the secret has quotation marks at its ends", stripped.strip("\"'")
    for mark in "\"'":
        yield "the sender's secret has quotation marks at its ends", f"{mark}{stripped}{mark}"


def decoded(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes that a secret in base64 or hex stands for, which may be no text."""
    plain = secret.strip().removeprefix(_WHSEC)
    for decode in (partial(base64.b64decode, validate=True), bytes.fromhex):
        with suppress(ValueError):
            yield "the sender signs with the decoded secret", decode(plain)
