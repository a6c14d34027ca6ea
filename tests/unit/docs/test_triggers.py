"""docs/triggers.md says of a trigger's fields what the code says."""

from app.cli import trigger_fields
from tests.support.databases import ROOT


def test_the_page_is_the_one_that_the_command_writes() -> None:
    written = (ROOT / "docs" / "triggers.md").read_text()

    assert written == trigger_fields.page(), (
        "write it anew: hookonce trigger fields --write docs/triggers.md"
    )
