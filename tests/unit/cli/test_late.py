"""A list of commands loads none of them, and says of each what the command says of itself."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from app.cli import late, main, trigger_group

GROUPS: dict[str, click.Group] = {"hookonce": main, "trigger": trigger_group.group}
LISTED = [(group, name) for group, each in GROUPS.items() for name in each.commands]
LOADS = """
import sys
from click.testing import CliRunner
from app.cli import main
result = CliRunner().invoke(main, sys.argv[1:])
assert result.exit_code == 0, result.output
print(*{"sqlalchemy", "alembic", "jwt", "gunicorn", "asyncio"} & set(sys.modules))
"""


@pytest.mark.parametrize(("group", "name"), LISTED)
def test_the_listed_help_is_the_first_sentence_of_the_command(group: str, name: str) -> None:
    command = GROUPS[group].commands[name]
    listed = GROUPS[group].get_command(click.Context(main), name)

    assert listed is not None
    assert (listed.name, listed.hidden) == (command.name, command.hidden) == (name, command.hidden)
    assert command.hidden or listed.get_short_help_str(500) == command.get_short_help_str(500)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=str)
def test_a_list_of_commands_loads_none_of_them(arguments: list[str]) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOADS, *arguments], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.split() == []


def test_a_command_that_is_added_is_listed_beside_those_that_are_late() -> None:
    commands = late.LateCommands({"late": late.Late("token:group", "Manage.")})

    commands["added"] = click.Command("added")

    assert sorted(commands) == ["added", "late"]
    assert len(commands) == 2
    assert isinstance(commands["late"], click.Group)
    del commands["added"]
    assert list(commands) == ["late"]


MAIN = """
import gc, sys
from app import __main__
from app.cli import late
seen = []
load = late.import_module
def loaded(name):
    module = load(name)
    module.group.commands["list"].callback = lambda **_: print(len(seen), gc.isenabled())
    return module
late.import_module = loaded
sys.argv = ["hookonce", "source", "list"]
gc.callbacks.append(lambda phase, _: seen.append(phase))
__main__.main()
"""


def test_no_garbage_is_collected_while_modules_load_and_it_is_while_the_command_runs() -> None:
    ended = subprocess.run([sys.executable, "-c", MAIN], capture_output=True, text=True)

    assert ended.stdout == "0 True\n", ended.stderr


def test_an_argument_that_is_no_text_is_named() -> None:
    result = CliRunner().invoke(main, ["trigger", "show", "caf\udce9"])

    assert result.exit_code == click.UsageError.exit_code
    assert result.output.endswith(r"the argument 'caf\udce9' is not UTF-8" + "\n")
