"""`hookonce trigger rotate|enable|disable|remove`: change an existing trigger."""

import click

from app import masking
from app.cli import completion, output
from app.cli.context import actor, with_database
from app.cli.number_param import NumberParam
from app.db import Database
from app.settings import Settings
from app.triggers import removal, switching


@click.command("rotate")
@click.argument("trigger", shell_complete=completion.triggers)
@click.option(
    "--grace",
    default=86400.0,
    show_default=True,
    type=NumberParam(0, 31_536_000),
    help="Seconds that the old secret stays valid.",
)
@click.option("--secret", help="The new secret. Default: a random secret.")
@output.json_option
@with_database
def rotate(
    _chosen: Settings,
    database: Database,
    trigger: str,
    grace: float,
    secret: str | None,
    as_json: bool,
) -> None:
    """Give the trigger a new secret and print it.

    The old secret stays valid for the grace period.
    """
    from app.triggers import manage  # it knows all sources, which are slow to load

    row = manage.rotate_secret(database, trigger, grace, secret, actor())
    until = masking.public(row)["previous_secret_expires_at"]
    output.record(
        {"id": row.id, "secret": database.secret_box.decrypt(row), "old_secret_good_until": until},
        as_json,
    )


@click.command("enable")
@click.argument("trigger", shell_complete=completion.triggers)
@output.json_option
@with_database
def enable(_chosen: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """Enable the trigger: it receives again."""
    row = switching.set_enabled(database, trigger, True, actor())
    output.done(f"{row.slug} is enabled", masking.public(row), as_json)


@click.command("disable")
@click.argument("trigger", shell_complete=completion.triggers)
@output.json_option
@with_database
def disable(_chosen: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """Disable the trigger: it refuses every request.

    Executions that were admitted before still run.
    """
    row = switching.set_enabled(database, trigger, False, actor())
    output.done(f"{row.slug} is disabled", masking.public(row), as_json)


@click.command("remove")
@click.argument("trigger", shell_complete=completion.triggers)
@click.confirmation_option(prompt="Remove the trigger and all its executions?")
@output.json_option
@with_database
def remove(_chosen: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """Remove the trigger with all its executions."""
    row = removal.remove_trigger(database, trigger, actor())
    output.done(f"{row.slug} is removed", masking.public(row), as_json)
