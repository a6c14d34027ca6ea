"""`hookonce action`: the actions that this installation can run about an event."""

import json
from dataclasses import asdict

import click

from app import actions
from app.cli import output


@click.group("action")
def group() -> None:
    """List the actions that a trigger can run."""


@group.command("list")
@output.json_option
def list_actions(as_json: bool) -> None:
    """List every action, its origin, and the reason if it is unusable."""
    rows = [asdict(action) for action in actions.described()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    width = {name: max(len(str(row[name])) for row in rows) for name in ("name", "comes_from")}
    for row in rows:
        line = f"{row['name'].ljust(width['name'])}  {row['comes_from'].ljust(width['comes_from'])}"
        click.echo(f"{line}  {row['problem'] or ''}".rstrip())
