"""Lists of ids as parameters of `IN`, of few lengths."""

from collections.abc import Iterable


def of_few_lengths(ids: Iterable[int]) -> list[int]:
    """Return the ids in their order, the last one repeated up to a length that is a power of two.

    Each number of parameters makes another statement text. psycopg remembers the last 200 texts of
    each connection, and the server the prepared ones: with lists of any length they take megabytes.
    """
    ordered = sorted(ids)
    length = 1 << (len(ordered) - 1).bit_length() if ordered else 0
    return ordered + ordered[-1:] * (length - len(ordered))
