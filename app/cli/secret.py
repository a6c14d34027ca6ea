"""`hookonce secret`: whether secrets stand sealed in the database, and with which key."""

import json
import secrets
import sys
from collections.abc import Iterator

import click

from app.cli import output
from app.cli.context import actor, with_database
from app.db import Database
from app.settings import Settings
from app.triggers import sealing

KEY_BYTES = 32


@click.group("secret")
def group() -> None:
    """Triggers' secrets, and the key that seals them in the database."""


@group.command("key")
def key() -> None:
    """Make up a key for HOOKONCE_SECRET_KEY and print it; nothing is changed."""
    click.echo(secrets.token_urlsafe(KEY_BYTES))


@group.command("status")
@output.json_option
@with_database
def status(_chosen: Settings, database: Database, as_json: bool) -> None:
    """How many secrets are sealed, and which triggers' secrets our keys do not open."""
    with database.reading() as connection:
        found = sealing.counts(connection)
        unopened = sealing.unopened(connection, database.secret_box)
    if as_json:
        click.echo(json.dumps(found | {"unopened": unopened}))
        return
    output.record(found | {"unopened": ", ".join(unopened) or "none"}, as_json=False)


@group.command("seal")
@output.json_option
@with_database
def seal(_chosen: Settings, database: Database, as_json: bool) -> None:
    """Seal every secret with the first key of HOOKONCE_SECRET_KEY.

    To change the key: put the new one before the old one, restart everything, seal, and take the
    old one away.
    """
    count = _with_progress(database, sealing.reseal(database, actor()))
    output.done(f"{count} trigger(s) sealed", {"triggers": count}, as_json)


@group.command("unseal")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.json_option
@with_database
def unseal(_chosen: Settings, database: Database, yes: bool, as_json: bool) -> None:
    """Put every secret back in the clear, as older code needs it."""
    if not yes:
        question = "Every secret will stand in the clear in the database. Go on?"
        click.confirm(question, abort=True, err=as_json)
    count = _with_progress(database, sealing.unseal(database, actor()))
    output.done(f"{count} trigger(s) unsealed", {"triggers": count}, as_json)


def _with_progress(database: Database, changed: Iterator[int]) -> int:
    with database.reading() as connection:
        steps = sealing.steps(connection)
    total = 0
    with click.progressbar(length=steps, file=sys.stderr) as bar:
        for count in changed:
            total += count
            bar.update(1)
    return total
