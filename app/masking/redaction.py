"""Hide secrets in texts that others wrote: responses of targets, output of scripts. Pure.

A target may repeat a secret in another form than it was sent, so each word of it is hidden in each
usual encoding.
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
"""The text in place of a secret."""
SHORTEST_HIDDEN = 6
"""Characters of the shortest word that is hidden: shorter ones occur in any text."""
SHORTEST_BASE64 = 7
"""Characters of the shortest base64 form that is hidden."""
REMEMBERED = 256
"""Sets of secrets that are kept ready: each trigger has one."""
_PARTS = re.compile(r"[\s,;&]+")
_ASSIGNED = re.compile(r"[\w.-]+=(.*[^=].*)")
_SCHEME = re.compile(r"[A-Za-z-]{1,20}")


def hidden(secrets: Iterable[str], text: str) -> str:
    """Return the text with *** in place of each secret and of each word of it.

    Hidden are words of at least SHORTEST_HIDDEN characters, also in URL encoding, base64, hex, and
    as JSON or HTML escapes them, in upper and lower case.
    """
    forms, pattern = _compiled(frozenset(secrets))
    lowered = text.lower()
    if pattern is None or not any(form in lowered for form in forms):
        return text
    return pattern.sub(HIDDEN, text)


@lru_cache(maxsize=REMEMBERED)
def _compiled(secrets: frozenset[str]) -> tuple[frozenset[str], re.Pattern[str] | None]:
    found = {word for secret in secrets for word in words(secret)}
    forms = {form.lower() for word in found for form in _forms(word)}
    if not forms:
        return frozenset(), None
    longest_first = sorted(forms, key=len, reverse=True)
    return frozenset(forms), re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)


def words(secret: str) -> set[str]:
    """Return the secret and its words, without its scheme; of Basic, user and password, too."""
    whole = secret.strip()
    scheme, _, rest = whole.partition(" ")
    found = {whole}
    for part in _PARTS.split(rest if rest and _SCHEME.fullmatch(scheme) else whole):
        found |= set(_words_of_part(part))
    return {word for word in found if len(word) >= SHORTEST_HIDDEN}


def _words_of_part(part: str) -> Iterator[str]:
    assigned = _ASSIGNED.fullmatch(part)
    word = (assigned[1] if assigned else part).strip("\"'")
    for pair in (part, word, unquote(word), _decoded(word)):
        yield pair
        if "://" not in pair:
            yield from pair.split(":", 1)
    if word.startswith("eyJ"):  # a JSON Web Token: https://www.rfc-editor.org/rfc/rfc7519
        yield from word.split(".")[1:]


def _decoded(word: str) -> str:
    """Return the text `user:password` that base64 encodes; else an empty text."""
    try:
        text = base64.b64decode(word, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text if ":" in text and text.isprintable() else ""


def _forms(word: str) -> Iterator[str]:
    data = word.encode("utf-8", "surrogatepass")
    yield word
    yield from (quote(data, safe=""), quote(data), quote_plus(data))
    for escaped in (json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]):
        yield from (escaped, escaped.replace("/", "\\/"))
    yield from (html.escape(word), html.escape(word, quote=False))
    yield data.hex()
    yield from _base64_forms(data)


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield the characters that the data has in base64, also in the midst of other data."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode()
        core = encoded[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
        if len(core) >= SHORTEST_BASE64:
            yield from (core, core.replace("+", "-").replace("/", "_"))
