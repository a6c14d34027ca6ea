"""Load the module of a command when the command is used: `--help` and completion need none."""

import gc
from collections.abc import Iterator, MutableMapping
from contextlib import nullcontext
from copy import copy
from importlib import import_module
from typing import Any, NamedTuple

import click

from app.cli.unused_modules import deferred


class Late(NamedTuple):
    """A command that is not loaded yet."""

    home: str
    """Module of this package and name in it, as `module:name`."""
    help: str
    """First sentence of the command's help; a test compares the two."""
    hidden: bool = False
    lasts: bool = False
    """True for a process that stays: all that it may need is loaded when it starts."""


class LateCommands(MutableMapping[str, click.Command]):
    """Commands by name; reading one loads its module."""

    def __init__(self, late: dict[str, Late]) -> None:
        self._late = late
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module, _, attribute = self._late[name].home.partition(":")
            with nullcontext() if self._late[name].lasts else deferred():
                command = copy(getattr(import_module(f"app.cli.{module}"), attribute))
            command.name, command.hidden = name, self._late[name].hidden
            self._loaded[name] = command
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._late | self._loaded)

    def __len__(self) -> int:
        return len(self._late | self._loaded)


class LateGroup(click.Group):
    """A group that lists its commands without loading them."""

    def __init__(self, *args: Any, late: dict[str, Late], **options: Any) -> None:
        super().__init__(*args, **options)
        self.late = late
        self.commands: MutableMapping[str, click.Command] = LateCommands(late)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the name and the help of a command: enough for a list."""
        entry = self.late.get(cmd_name)
        if entry is None:
            return None
        return click.Command(cmd_name, short_help=entry.help, hidden=entry.hidden)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that runs, loaded."""
        _require_text(args)
        name, listed, rest = super().resolve_command(ctx, args)
        command = None if listed is None else self.commands[str(listed.name)]
        if not isinstance(command, LateGroup):
            _collect_garbage_again()
        return name, command, rest


def _require_text(arguments: list[str]) -> None:
    """Refuse bytes that are not UTF-8: no database stores them as text."""
    for each in arguments:
        try:
            each.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"the argument {each!a} is not UTF-8") from None


def _collect_garbage_again() -> None:
    """Turn collection on if `app.__main__` turned it off; the loaded modules are not looked at."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
