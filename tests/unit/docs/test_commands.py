"""docs/commands.md lists every command with the first sentence of its help."""

from tests.support import command_table
from tests.support.databases import ROOT

PAGE = (ROOT / "docs" / "commands.md").read_text()


def test_the_table_of_commands_is_the_one_that_the_code_declares() -> None:
    assert f"\n{command_table.drawn()}\n" in PAGE


def test_the_table_has_commands_of_groups_and_none_that_is_hidden() -> None:
    listed = [words for words, _ in command_table.rows(command_table.main)]

    assert {"hookonce worker", "hookonce triggers apply FILE"} <= set(listed)
    assert not any(words.startswith("hookonce trigger fire") for words in listed)
