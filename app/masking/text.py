"""Find the secrets in a text: in URLs, command lines, header lines and query strings. Pure.

A text is split into pieces that join to the same text. A piece with a name is a secret.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote_plus

from app.masking.names import is_harmless_name, is_secret_name

MASK = "********"
"""The text shown in place of a secret; sent back unchanged, it keeps the stored secret."""
BODY_CHARACTERS = 4_000
"""Characters of a sent body that an attempt keeps."""
SHORTEST_CAPABILITY = 20
"""Characters of the shortest path segment with letters and digits that counts as a secret: Slack,
Discord and Telegram put the secret of a webhook into the path of its address."""
USER, PATH = "user of the URL", "path of the URL"
"""Names of the secrets of a URL that have no name of their own."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>`]*")
_URL_PARTS = re.compile(
    r"([^:]*://)(?:([^/?#\\]*)@)?([^/?#@\\]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL
)
_OTHER_PARTS = re.compile(r"([^:]*://)(?:(.*)@)?([^/?#@]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
"""The parts of a URL; the password of a database's URL may have a slash."""
_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\\.|[^\s"'\\]|["'\\])+""", re.DOTALL)
_ASSIGNED = re.compile(r"(-*[\w.-]+)(\s*[=:]\s*)(.+)", re.DOTALL)
_HEADER_OPTIONS = frozenset({"-H", "--header", "--proxy-header"})
_USER_OPTIONS = frozenset({"-u", "--user", "-U", "--proxy-user"})


class Piece(NamedTuple):
    """A part of a text; `name` is None if it may be shown."""

    text: str
    name: str | None = None


def pieces(text: str) -> Iterator[Piece]:
    """Yield the pieces of a URL, a command line, or any other text."""
    whole = _URL.match(text.strip())
    if whole and len(text.split()) == 1:
        yield from url_pieces(text)
        return
    at, option = 0, ""
    for word in _WORD.finditer(text):
        yield Piece(text[at : word.start()])
        yield from word_pieces(word[0], option)
        at, option = word.end(), word[0]
    yield Piece(text[at:])


def word_pieces(word: str, option: str = "") -> Iterator[Piece]:
    """Yield the pieces of a word of a command line; `option` is the word before it."""
    quote = word[0] if len(word) > 1 and word[0] in "\"'" and word[-1] == word[0] else ""
    inner = word[1:-1] if quote else word
    yield Piece(quote)
    yield from _inner_pieces(inner, option)
    yield Piece(quote)


def argument_pieces(argument: str, option: str) -> Iterator[Piece]:
    """Yield the pieces of an item of a list, such as the words of a command."""
    takes_secret = option in (*_HEADER_OPTIONS, *_USER_OPTIONS) or is_secret_name(option)
    one_word = len(argument.split()) < 2
    yield from _inner_pieces(argument, option) if takes_secret or one_word else pieces(argument)


def _inner_pieces(inner: str, option: str) -> Iterator[Piece]:
    if option in _HEADER_OPTIONS:
        yield from line_pieces(inner)
    elif option in _USER_OPTIONS or (
        option.startswith("-") and "=" not in option and is_secret_name(option)
    ):
        yield Piece(inner, option.lstrip("-"))
    elif (assigned := _ASSIGNED.fullmatch(inner)) and is_secret_name(assigned[1]):
        yield Piece(assigned[1] + assigned[2])
        yield Piece(assigned[3], assigned[1].lstrip("-"))
    else:
        at = 0
        for url in _URL.finditer(inner):
            yield Piece(inner[at : url.start()])
            yield from url_pieces(url[0])
            at = url.end()
        yield Piece(inner[at:])


def url_pieces(url: str) -> Iterator[Piece]:
    """Yield the pieces of a URL: its user, and the values of its query, are secrets."""
    of_web = url.strip()[:4].lower() == "http"
    parts = (_URL_PARTS if of_web else _OTHER_PARTS).fullmatch(url)
    if parts is None:
        yield Piece(url)
        return
    scheme, user, host, path, query, fragment = parts.groups(default="")
    yield Piece(scheme)
    if user:
        yield Piece(user, USER)
        yield Piece("@")
    yield Piece(host)
    yield from _path_pieces(path)
    for mark, rest in ((query[:1], query[1:]), (fragment[:1], fragment[1:])):
        yield Piece(mark)
        yield from query_pieces(rest)


def _path_pieces(path: str) -> Iterator[Piece]:
    for number, segment in enumerate(path.split("/")):
        yield Piece("/" if number else "")
        yield Piece(segment, PATH if _is_capability(segment) else None)


def _is_capability(segment: str) -> bool:
    if segment == MASK:
        return True
    letters = any(each.isalpha() for each in segment)
    digits = any(each.isdigit() for each in segment)
    return len(segment) >= SHORTEST_CAPABILITY and letters and digits


def query_pieces(query: str) -> Iterator[Piece]:
    """Yield the pieces of a query string; a part without a name is a secret too."""
    for part in re.split("([&;\n])", query):
        name, equals, value = part.partition("=")
        if part in ("", "&", ";", "\n"):
            yield Piece(part)
        elif not equals:
            yield Piece(part, None if is_harmless_name(part) else "query of the URL")
        else:
            yield Piece(name + equals)
            yield Piece(value, _unless_harmless(unquote_plus(name)))


def line_pieces(text: str) -> Iterator[Piece]:
    """Yield the pieces of header lines `Name: value`, or else of a query string."""
    for line in re.split("([\r\n]+)", text):
        name, colon, value = line.partition(":")
        if not line.strip():
            yield Piece(line)
        elif colon and "=" not in name:
            start = value[: len(value) - len(value.lstrip())]
            yield Piece(name + colon + start)
            yield Piece(value[len(start) :], _unless_harmless(name))
        else:
            yield from query_pieces(line)


def _unless_harmless(name: str) -> str | None:
    return None if is_harmless_name(name) else name.strip() or "a value without a name"


def replaced(found: Iterator[Piece], secret: Callable[[str, str], str]) -> str:
    """Return the text with `secret(name, text)` in place of each secret."""
    return "".join(
        piece.text if piece.name is None or not piece.text else secret(piece.name, piece.text)
        for piece in found
    )


def cut(text: str, longest: int) -> str:
    """Return the text, shortened with an ellipsis if it is too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
