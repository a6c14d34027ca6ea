"""`hookonce source`, as a program reads it."""

import json

from click.testing import CliRunner

from app.cli import main
from app.intake import sources


def _said(*words: str) -> object:
    result = CliRunner().invoke(main, ["source", *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_program_can_read_which_sources_there_are() -> None:
    listed = _said("list")

    assert [each["name"] for each in listed] == list(sources.names())
    assert set(listed[0]) == {"name", "its_own_id", "signed", "key_by_default"}


def test_a_program_can_read_how_a_source_proves_itself() -> None:
    shown = _said("show", "github")

    assert shown["source"] == "github"
    assert shown["documentation"].startswith("https://")
