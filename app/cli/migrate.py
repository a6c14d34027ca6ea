"""`hookonce migrate`: run Alembic on the revisions that come with this installation."""

import click
from alembic.config import CommandLine

from app import installation

UPGRADE = ("upgrade", "head")


@click.command(
    "migrate",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ALEMBIC ARGUMENTS]...")
def command(arguments: tuple[str, ...]) -> None:
    """Create or update the schema, from any directory.

    It is `alembic upgrade head` on the revisions of this installation. With arguments it is
    `alembic` with those arguments: `hookonce migrate current`, `hookonce migrate downgrade 0012`.
    """
    ini = str(installation.ALEMBIC_INI)
    CommandLine(prog="hookonce migrate").main(["-c", ini, *(arguments or UPGRADE)])
