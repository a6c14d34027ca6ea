"""`hookonce action`: what this installation can do about an event."""

import json
from dataclasses import asdict

import click

from app import actions
from app.cli import output


@click.group("action")
def group() -> None:
    """What a trigger can set off."""


@group.command("list")
@output.json_option
def list_actions(as_json: bool) -> None:
    """Every action, where it comes from, and why it cannot be used if so."""
    rows = [asdict(each) for each in actions.described()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    width = {name: max(len(str(row[name])) for row in rows) for name in ("name", "comes_from")}
    for row in rows:
        line = f"{row['name'].ljust(width['name'])}  {row['comes_from'].ljust(width['comes_from'])}"
        click.echo(f"{line}  {row['problem'] or ''}".rstrip())
