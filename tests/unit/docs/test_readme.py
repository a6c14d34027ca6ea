"""The README says of settings and commands what the code says, and each promise has its test."""

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from app import cli
from app.settings import Settings
from tests.support.databases import ROOT

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
GIVEN_TO_ACTIONS = {
    "HOOKONCE_EXECUTION_ID",
    "HOOKONCE_CHAIN_ID",
    "HOOKONCE_ATTEMPT",
    "HOOKONCE_TRIGGER",
}
OF_COMPLETION = {"HOOKONCE_COMPLETE"}
SETTINGS = {setting.name.upper(): setting.default for setting in fields(Settings)}


def section(title: str) -> str:
    return README.partition(f"# {title}\n")[2].partition("\n#")[0]


def as_written(default: object) -> str:
    """How a default stands in the table."""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, int | float):
        return str(int(default))
    return f"`{default}`" if isinstance(default, str | Path) else ""


def test_the_table_of_settings_has_each_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\|", section("Settings"), re.M)

    assert len(rows) == len(dict(rows))
    assert dict(rows) == {name: as_written(default) for name, default in SETTINGS.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_setting_that_there_is_not(page: Path) -> None:
    named = set(re.findall(r"(?<![\w*])_?(HOOKONCE_[A-Z_]+[A-Z])(?![\w*])", page.read_text()))

    assert named - SETTINGS.keys() - GIVEN_TO_ACTIONS - OF_COMPLETION == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_command_that_there_is_not(page: Path) -> None:
    named = re.findall(r"\bhookonce ([a-z]+)(?: ([a-z|]+))?", page.read_text())

    assert [words for words in named if not all(map(known, *choices(words)))] == []


def choices(words: tuple[str, str]) -> tuple[list[str], list[str]]:
    """`a b|c` names two commands of one group."""
    seconds = words[1].split("|")
    return [words[0]] * len(seconds), seconds


def known(first: str, second: str) -> bool:
    command = cli.main.commands.get(first)
    if isinstance(command, click.Group) and second:
        return second in command.commands
    return command is not None


def test_every_test_that_a_promise_names_is_there() -> None:
    promises = section("What is promised, and what holds it")
    named = re.findall(r"`(tests/[\w/.]+|docs/[\w/.]+)`", promises)

    assert len(named) > len(promises.splitlines()) / 2
    assert [path for path in named if not (ROOT / path).exists()] == []
