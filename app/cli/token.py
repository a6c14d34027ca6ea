"""`hookonce token`: who may use the API and the pages."""

import json

import click

from app import auth, clock
from app.cli import output
from app.cli.context import actor, with_database
from app.db import Database
from app.masking import public
from app.settings import Settings


@click.group("token")
def group() -> None:
    """Tokens of people and programs, for the API and the pages."""


@group.command("add")
@click.argument("name")
@click.option("--role", default=auth.VIEWER, show_default=True, type=click.Choice(auth.ROLES))
@click.option("--expires", metavar="DURATION", help="Such as 30d or 12h; without it: never.")
@output.json_option
@with_database
def add(
    _chosen: Settings, database: Database, name: str, role: str, expires: str | None, as_json: bool
) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    end = None if expires is None else clock.now() + auth.duration(expires)
    row, token = auth.add_token(database, actor(), name, role, end)
    made = {"id": row.id, "name": row.name, "role": row.role, "token": token}
    output.record(made | {"expires_at": clock.text(row.expires_at)}, as_json)


@group.command("list")
@output.json_option
@with_database
def list_tokens(_chosen: Settings, database: Database, as_json: bool) -> None:
    """Every token there ever was, newest first."""
    with database.reading() as connection:
        rows = [public(row._mapping) for row in auth.all_tokens(connection)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    output.table(rows, ("id", "name", "role", "expires_at", "last_used_at", "revoked_at"))


@group.command("revoke")
@click.argument("token", metavar="NAME_OR_ID")
@output.json_option
@with_database
def revoke(_chosen: Settings, database: Database, token: str, as_json: bool) -> None:
    """Make the token no good, and end every session that it began."""
    row = auth.revoke_token(database, actor(), token)
    shown = public(row._mapping)
    output.done(f"{row.name} (token {row.id}) is revoked", shown, as_json)
