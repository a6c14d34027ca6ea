"""docs/adr/0002-dependencies.md has a row for each dependency of the product."""

import re
import tomllib

import pytest

from tests.support.databases import ROOT

PAGE = (ROOT / "docs" / "adr" / "0002-dependencies.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMES = [re.match(r"[\w-]+", requirement)[0] for requirement in PROJECT["dependencies"]]  # type: ignore[index]


@pytest.mark.parametrize("name", NAMES)
def test_every_dependency_has_a_row(name: str) -> None:
    taken = re.findall(r"^\| [^|]+ \| ([^|]+) \|", PAGE, re.M)

    assert any(re.search(rf"\b{name}\b", cell) for cell in taken)
