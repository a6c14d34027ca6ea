"""Text of a sender or a person has its own direction, so that it turns nothing around it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import ROOT

TEMPLATES = sorted((ROOT / "app" / "web" / "templates").glob("*.html"))
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)
TEXT = re.compile(r"\|\s*(line|visible|excerpt)\b")
PLAIN = ("title", "option", "textarea")
"""Elements that hold text alone: a browser isolates it, or no page shows it."""


def outputs(template: str) -> Iterator[tuple[str, str]]:
    """Yield each output of such a text, and the tag that is directly before it."""
    masked = JINJA.sub(lambda found: "\x00" * len(found[0]), template)
    for found in JINJA.finditer(template):
        before = masked[: found.start()]
        in_attribute = before.rfind("<") > before.rfind(">")
        if not found[0].startswith("{{") or not TEXT.search(found[0]) or in_attribute:
            continue
        reached = before.rstrip("\x00")
        tag = reached[reached.rfind("<") :] if reached.endswith(">") else ""
        opened = re.findall(rf"<(/?)({'|'.join(PLAIN)})\b", before)
        if not opened or opened[-1][0] == "/":
            yield found[0], tag


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_text_of_others_has_its_own_direction(path: Path) -> None:
    found = outputs(path.read_text())

    bare = [text for text, tag in found if 'dir="auto"' not in tag and tag != "<bdi>"]
    assert bare == []


def test_the_check_finds_a_text_without_a_direction() -> None:
    found = list(outputs('<td>{{ a | line(5) }}</td><td dir="auto">{{ b | line(5) }}</td>'))

    assert [tag for _, tag in found] == ["<td>", '<td dir="auto">']
