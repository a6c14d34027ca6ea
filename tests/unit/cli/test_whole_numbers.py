"""No command takes a whole number that a database cannot hold."""

from collections.abc import Iterator

import click
from click.types import IntParamType

from app import cli

LARGEST = 2**63 - 1
BOUNDED_ELSEWHERE = {"partition count", "replay execution_id"} | {
    f"trigger {command} {field}"
    for command in ("add", "edit")
    for field in ("max_concurrency", "max_body_bytes")
}
"""Numbers whose bounds stand where the API checks them, too."""


def whole_numbers(group: click.Group, path: str = "") -> Iterator[tuple[str, IntParamType]]:
    """Yield each argument and option that is a whole number, with its bounds."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from whole_numbers(command, f"{path}{name} ")
        for parameter in command.params:
            if isinstance(parameter.type, IntParamType):
                yield f"{path}{name} {parameter.name}", parameter.type


def test_every_whole_number_has_bounds_that_a_database_can_hold() -> None:
    bounds = {name: getattr(kind, "max", None) for name, kind in whole_numbers(cli.main)}

    unbounded = {name for name, most in bounds.items() if most is None or most > LARGEST}
    assert unbounded == BOUNDED_ELSEWHERE
