"""Refuse names that look like other names: with characters that nobody sees. Pure."""

import unicodedata

_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of Unicode without a shape: control and format characters (also those that reverse
the direction of text, and of no width), private ones, and ends of lines."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are drawn as nothing."""


def invisible_character(text: str) -> str | None:
    """Return the first character that nobody sees, as `U+202E`; None if there is none.

    A name with one could look like another name, or turn a line of a log or a page around.
    """
    for character in text:
        if character in _BLANK or unicodedata.category(character) in _INVISIBLE:
            return f"U+{ord(character):04X}"
    return None


def comparable(name: str) -> str:
    """Return the form in which two names that look the same are equal: case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
