"""`hookonce adopt`: name what will not work of a database of the older system."""

import json
import sys

import click

from app.cli import output, terminal
from app.cli.context import WRONG, with_settings
from app.db import read_only
from app.installation import migration_command
from app.settings import Settings
from app.triggers import adoption

UNTRIED = (
    "rows are not written on trial here: the upgrade does it, and names a CHECK, trigger or index "
    "that refuses them, before its first change"
)


@click.command("adopt")
@click.option("--dry-run", is_flag=True, help="Required: this command only reads.")
@output.json_option
@with_settings
def command(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Name what a database of the older system lacks to work here.

    A line for each problem of a trigger, with the command that mends it; the same lines are notes
    of `hookonce check` afterwards. Nothing is changed: `alembic upgrade head` takes the database
    over. The exit status is 1 if there is something to mend.
    """
    if not dry_run:
        take_over = migration_command("upgrade head")
        raise click.UsageError(
            f"`{take_over}` takes the database over; give --dry-run to see what it lacks to work"
        )
    with read_only.connection(settings) as connection:
        refusals = adoption.refusals(connection)
        problems = adoption.problems(connection, settings)
        is_untried = bool(adoption.found_tables(connection)) and not refusals
    if as_json:
        found = [{name: getattr(each, name) for name in each.__slots__} for each in problems]
        click.echo(json.dumps({"problems": found, "refusals": refusals}))
    else:
        _print([*(f"the upgrade would refuse: {each}" for each in refusals), *map(str, problems)])
    if is_untried:
        click.echo(UNTRIED, err=True)
    sys.exit(WRONG if problems or refusals else 0)


def _print(lines: list[str]) -> None:
    for line in lines or ["nothing to mend"]:
        click.echo(terminal.plain(line))
