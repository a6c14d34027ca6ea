"""docs/security.md names for each threat a test that exists."""

import re

from tests.support.databases import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()


def test_every_threat_and_mishap_names_tests_that_exist() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \| (`tests/.+) \|$", PAGE, re.M)
    named = [path for _, holders in rows for path in re.findall(r"`([^`]+)`", holders)]

    sections = PAGE.partition("\n## Left to a proxy")[0]
    threats = [line for line in sections.splitlines() if re.match(r"\| [A-Z]", line)]
    assert len(rows) == len(threats)
    assert [path for path in named if not (ROOT / path).exists()] == []
