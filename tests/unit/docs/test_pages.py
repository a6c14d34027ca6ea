"""Every page names settings, commands, files and pages that exist, and nothing of this machine."""

import pkgutil
import re
from pathlib import Path

import click
import pytest

from app import cli
from tests.support.databases import ROOT
from tests.unit.docs.test_settings import SETTINGS

AT_THE_TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "alembic/README.md")
PAGES = [*(ROOT / name for name in AT_THE_TOP), *sorted((ROOT / "docs").rglob("*.md"))]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
GIVEN_TO_ACTIONS = {
    "HOOKONCE_EXECUTION_ID",
    "HOOKONCE_CHAIN_ID",
    "HOOKONCE_RUN_ID",
    "HOOKONCE_ATTEMPT",
    "HOOKONCE_TRIGGER",
}
WAS = "app.receiver"
"""The module that an operator may have named in a configuration of gunicorn."""
OF_COMPLETION = {"HOOKONCE_COMPLETE"}
OF_AN_EXAMPLE = {"HOOKONCE_GREETING_SECONDS"}
COMMAND_OF_AN_EXAMPLE = "revision"
FILE = re.compile(
    r"(?<![\w./<])((?:app|tests|docs|bench|alembic|requirements)/[\w./]*\w\.\w+|"
    r"(?:README|CONTRIBUTING|CHANGELOG)\.md|gunicorn\.conf\.py|pyproject\.toml)\b"
)
FOREIGN = re.compile(
    r"https?://(?:[\w.]+\.)?(?:pypi|npmjs|pythonhosted)\.|/(?:home|root|tmp|work|opt)/|#\d+"
)


@every_page
def test_no_page_names_a_setting_that_does_not_exist(page: Path) -> None:
    named = set(re.findall(r"(?<![\w*])_?(HOOKONCE_[A-Z_]+[A-Z])(?![\w*])", page.read_text()))

    assert named - SETTINGS.keys() - GIVEN_TO_ACTIONS - OF_COMPLETION - OF_AN_EXAMPLE == set()


@every_page
def test_no_page_names_a_command_that_does_not_exist(page: Path) -> None:
    named = re.findall(r"\bhookonce ([a-z]+)(?: ([a-z][a-z|-]*))?", page.read_text())
    ours = [words for words in named if words[0] != COMMAND_OF_AN_EXAMPLE]

    assert [words for words in ours if not all(map(known, *choices(words)))] == []


@every_page
def test_no_page_names_a_file_that_does_not_exist(page: Path) -> None:
    text = page.read_text()
    created = re.findall(r"^New file `([^`]+)`:$", text, re.M)
    deleted = re.findall(r"`([^`]+)` is deleted", text)
    named = set(FILE.findall(text)).difference(created, deleted)

    assert [name for name in named if not (ROOT / name).exists()] == []


@every_page
def test_no_page_names_a_definition_that_does_not_exist(page: Path) -> None:
    dotted = re.findall(r"`(app(?:\.[a-z_]+)*\.\w+)`", page.read_text())

    assert [name for name in dotted if not exists(name)] == []


@every_page
def test_every_link_leads_to_a_file(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    targets = re.findall(r"\]\((?!https?://)([^)#]*)(?:#[^)]*)?\)", prose)

    assert [target for target in targets if not (page.parent / target).exists()] == []


@every_page
def test_no_page_names_a_registry_a_path_of_a_machine_or_an_issue(page: Path) -> None:
    assert FOREIGN.findall(page.read_text()) == []


def exists(dotted: str) -> bool:
    """Return whether it is a module, or a name that a module has."""
    try:
        pkgutil.resolve_name(dotted)
    except (ImportError, AttributeError):
        return WAS in dotted
    return True


def choices(words: tuple[str, str]) -> tuple[list[str], list[str]]:
    """`a b|c` names two commands of one group."""
    seconds = words[1].split("|")
    return [words[0]] * len(seconds), seconds


def known(first: str, second: str) -> bool:
    command = cli.main.commands.get(first)
    if isinstance(command, click.Group) and second:
        return second in command.commands
    return command is not None
