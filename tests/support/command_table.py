"""Print the table of commands of docs/commands.md from the declarations of `hookonce`.

`python -m tests.support.command_table` prints it, to be pasted into the page.
"""

from collections.abc import Iterator

import click

from app.cli import main

LONGEST_SENTENCE = 500
"""Characters; no sentence is cut off."""


def rows(group: click.Group, *path: str) -> Iterator[tuple[str, str]]:
    """Yield each listed command below the group, with the first sentence of its help."""
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from rows(command, *path, name)
        else:
            words = " ".join(["hookonce", *path, name, *_arguments(command)])
            yield words, command.get_short_help_str(LONGEST_SENTENCE)


def drawn() -> str:
    """Return the table of all commands."""
    lines = ["| command | purpose |", "|---|---|"]
    return "\n".join(lines + [f"| `{words}` | {purpose} |" for words, purpose in rows(main)])


def _arguments(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for parameter in command.params:
        # an argument that is only an old spelling has no name in the help
        if isinstance(parameter, click.Argument) and (name := parameter.make_metavar(context)):
            yield name


if __name__ == "__main__":
    print(drawn())  # noqa: T201
