"""`--help` shows a whole sentence for each command; an option has one name in all commands."""

from collections import defaultdict
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from app.cli import main

TERMINAL_COLUMNS = 80


def _groups(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _groups(command, *path, name)


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _commands(each)


@pytest.mark.parametrize("path", list(_groups(main)), ids=" ".join)
def test_help_lists_each_command_with_a_sentence_that_is_not_cut_off(path: tuple[str, ...]) -> None:
    words = [*path, "--help"]
    text = CliRunner().invoke(main, words, terminal_width=TERMINAL_COLUMNS).output

    lines = text.split("Commands:\n")[1].splitlines()
    cut_off = {line.split()[0] for line in lines if line.endswith("...") or line[-1] != "."}

    assert lines
    assert cut_off == set()


def test_an_option_has_the_same_name_in_every_command() -> None:
    spellings: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for command in _commands(main):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name and not parameter.hidden:
                spellings[parameter.name].add(tuple(parameter.opts))

    assert {name for name, found in spellings.items() if len(found) > 1} == set()


@pytest.mark.parametrize(("path", "command"), [(["trigger"], "fire")])
def test_an_old_spelling_works_and_is_not_listed(path: list[str], command: str) -> None:
    used = CliRunner().invoke(main, [*path, command, "--help"])
    listed = CliRunner().invoke(main, [*path, "--help"]).output

    assert used.exit_code == 0, used.output
    assert f"  {command} " not in listed


def test_no_number_of_an_option_may_be_a_word() -> None:  # the fields of a trigger have bounds
    numbers = [
        parameter
        for command in _commands(main)
        for parameter in command.params
        if isinstance(parameter.type, click.FloatRange)
    ]

    assert numbers
    for parameter in numbers:
        for word in ("nan", "inf", "-inf", "1e999"):
            with pytest.raises(click.BadParameter):
                parameter.type.convert(word, parameter, None)
