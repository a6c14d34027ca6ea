"""`hookonce secret`: encrypt and decrypt the triggers' secrets in the database."""

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
"""Random bytes of a new key for HOOKONCE_SECRET_KEY."""


@click.group("secret")
def group() -> None:
    """Encrypt and decrypt the triggers' secrets in the database."""


@group.command("key")
def key() -> None:
    """Generate a key for HOOKONCE_SECRET_KEY and print it."""
    click.echo(secrets.token_urlsafe(KEY_BYTES))


@group.command("status")
@output.json_option
@with_database
def status(_settings: Settings, database: Database, as_json: bool) -> None:
    """Count the encrypted secrets, and those that cannot be decrypted.

    A secret cannot be decrypted if it was encrypted with none of the keys of HOOKONCE_SECRET_KEY;
    its trigger is listed.
    """
    with database.reading() as connection:
        counts = sealing.counts(connection)
        unopened = sealing.unopened(connection, database.secret_box)
    if as_json:
        click.echo(json.dumps(counts | {"unopened": unopened}))
        return
    output.record(counts | {"unopened": ", ".join(unopened) or "none"}, as_json=False)


@group.command("seal")
@output.json_option
@with_database
def seal(_settings: Settings, database: Database, as_json: bool) -> None:
    """Encrypt every secret with the first HOOKONCE_SECRET_KEY.

    To change the key: put the new key before the old one, restart all processes, run this
    command, and remove the old key.
    """
    count = _with_progress(database, sealing.reseal(database, actor()))
    output.done(
        f"Secrets of {count} trigger(s) and channel(s) encrypted.", {"triggers": count}, as_json
    )


@group.command("unseal")
@output.yes_option
@output.json_option
@with_database
def unseal(_settings: Settings, database: Database, yes: bool, as_json: bool) -> None:
    """Decrypt every secret in the database, as older versions need it."""
    if not yes:
        question = "Every secret will be stored in the database unencrypted. Continue?"
        click.confirm(question, abort=True, err=as_json)
    count = _with_progress(database, sealing.unseal(database, actor()))
    output.done(
        f"Secrets of {count} trigger(s) and channel(s) decrypted.", {"triggers": count}, as_json
    )


def _with_progress(database: Database, changed: Iterator[int]) -> int:
    """Return the sum of `changed`, the number of triggers of each step, with a progress bar."""
    with database.reading() as connection:
        steps = sealing.steps(connection)
    total = 0
    with click.progressbar(length=steps, file=sys.stderr) as bar:
        for count in changed:
            total += count
            bar.update(1)
    return total
