"""`hookonce token`: manage the tokens that give access to the API and the pages."""

import click

from app import auth, clock
from app.cli import completion, output, terminal
from app.cli.context import actor, with_database
from app.db import Database
from app.masking import public
from app.settings import Settings


@click.group("token")
def group() -> None:
    """Manage the access tokens for the API and the pages."""


@group.command("add")
@click.argument("name")
@click.option(
    "--role",
    default=auth.VIEWER,
    show_default=True,
    type=click.Choice(auth.ROLES),
    help="The permissions of the token.",
)
@click.option(
    "--expires", metavar="DURATION", help="Lifetime, such as 30d or 12h; by default unlimited."
)
@output.json_option
@with_database
def add(
    _settings: Settings,
    database: Database,
    name: str,
    role: str,
    expires: str | None,
    as_json: bool,
) -> None:
    """Create a token and print it.

    The token is shown only now: the database keeps nothing but its hash.
    """
    expires_at = None if expires is None else clock.now() + auth.duration(expires)
    row, token = auth.add_token(database, actor(), name, role, expires_at)
    created = {"id": row.id, "name": row.name, "role": row.role, "token": token}
    output.record(created | {"expires_at": clock.text(row.expires_at)}, as_json)


@group.command("list")
@terminal.wide_option
@output.json_option
@with_database
def list_tokens(_settings: Settings, database: Database, as_json: bool) -> None:
    """List all tokens, also revoked and expired ones, newest first."""
    with database.reading() as connection:
        rows = [public(row._mapping) for row in auth.all_tokens(connection)]
    columns = ("id", "name", "role", "expires_at", "last_used_at", "revoked_at")
    output.rows(rows, columns, as_json)


@group.command("revoke")
@click.argument("token", metavar="NAME_OR_ID", shell_complete=completion.tokens)
@output.json_option
@with_database
def revoke(_settings: Settings, database: Database, token: str, as_json: bool) -> None:
    """Revoke a token and end all sessions that it began."""
    row = auth.revoke_token(database, actor(), token)
    shown = public(row._mapping)
    output.done(f"Token {row.id} ({row.name}) revoked.", shown, as_json)
