"""A name has no character that nobody sees, and names that look the same are equal."""

import pytest

from app.names import comparable, invisible_character


@pytest.mark.parametrize(
    "name",
    ["Order paid!", "Bestellung Größe", "注文", "مرحبا", "emoji \N{GRINNING FACE}", "a_b-c.d/e"],
)
def test_a_name_that_everybody_sees_is_a_name(name: str) -> None:
    assert invisible_character(name) is None


@pytest.mark.parametrize(
    "character",
    [
        *("\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\xad", "\u200b", "\u200d", "\u200e"),
        *("\u2028", "\u202e", "\u2060", "\u2066", "\ufeff", "\u3164", "\ue000", "\U000e0041"),
        *("\ud800", "\u034f", "\u2800"),
    ],
    ids=ascii,
)
def test_a_character_that_nobody_sees_is_named(character: str) -> None:
    assert invisible_character(f"ada{character}root") == f"U+{ord(character):04X}"


@pytest.mark.parametrize(
    "other", ["ADA  Root", " ada root ", "\uff21da\u00a0root", "ada\u2003root"]
)
def test_names_that_look_the_same_are_equal(other: str) -> None:
    assert comparable(other) == comparable("Ada root") != comparable("Ada roots")
