"""docs/README.md leads to every page."""

import re

from tests.support.databases import ROOT

INDEX = ROOT / "docs" / "README.md"


def test_the_index_leads_to_every_page() -> None:
    linked = {
        (INDEX.parent / target).resolve()
        for target in re.findall(r"\]\(([^)#]*)\)", INDEX.read_text())
    }
    pages = {*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"}

    assert sorted(pages - linked - {INDEX}) == []
