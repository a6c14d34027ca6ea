"""`hookonce triggers apply`: make triggers what a file says they are."""

import json
import sys
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from app.cli import output, trigger_file
from app.cli.context import actor, with_database
from app.db import Database
from app.intake import sources
from app.masking import masked
from app.settings import Settings
from app.triggers import apply_file
from app.triggers.address import webhook_url
from app.triggers.apply_file import SECRET, PlannedChange

KEPT = 3
"""The exit status where a person's edit was kept: file and database do not agree."""
PENDING = 4
"""The exit status of a dry run that found something to do."""


@click.group("triggers")
def group() -> None:
    """All triggers of a file together."""


@group.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--force", is_flag=True, help="Overwrite what a person has edited, too.")
@output.json_option
@with_database
def apply(
    chosen: Settings, database: Database, file: Path, dry_run: bool, force: bool, as_json: bool
) -> None:
    """Make the triggers that FILE declares, and change those that stand to what it says.

    A trigger is known by its name. What the file does not name, columns or triggers, stays as it
    is, and so does what a person has edited since the file was last applied, unless --force says
    otherwise. Exit status 0: file and database agree; 1: something is wrong and nothing was done;
    3: a person's edit was kept; 4: a dry run found something to do.
    """
    steps = apply_file.plan(database, trigger_file.read(file), force=force)
    grace = chosen.hookonce_secret_grace_seconds
    told = []
    for step in steps:
        row = None
        if not dry_run:
            row = apply_file.carry_out(database, step, sources.names(), actor(), grace)
        told.append(_told(database, chosen, step, row))
        if not as_json:
            _print(told[-1])
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "triggers": told}))
    sys.exit(_status(steps, dry_run))


def _status(steps: list[PlannedChange], dry_run: bool) -> int:
    if any(step.kept for step in steps):
        return KEPT
    pending = dry_run and any(step.kind != "unchanged" for step in steps)
    return PENDING if pending else 0


def _told(
    database: Database, chosen: Settings, step: PlannedChange, row: sa.Row[Any] | None
) -> dict[str, Any]:
    """The step as it is printed: no secret but one that was just made up."""
    columns = step.declared.columns
    told: dict[str, Any] = {
        "slug": step.declared.slug,
        "does": step.kind,
        "changes": {
            name: {"from": _shown(name, each.current), "to": _shown(name, each.declared)}
            for name, each in step.changes.items()
        }
        or {name: {"from": None, "to": _shown(name, columns[name])} for name in _new(step)},
        "kept": {
            name: {
                "is": _shown(name, each.current),
                "file": _shown(name, each.declared),
                "edited_by": each.edited_by,
            }
            for name, each in step.kept.items()
        },
    }
    if row is not None and step.row is None:
        told["id"] = row.id
        told["webhook_url"] = webhook_url(chosen.hookonce_public_url, row.id)
        if step.declared.secret is None:
            told["secret"] = database.secret_box.decrypt(row)
    return told


def _new(step: PlannedChange) -> list[str]:
    return list(step.declared.columns) if step.row is None else []


def _shown(name: str, value: Any) -> Any:
    if name == SECRET:
        return "(not shown)"
    return masked(value) if name == "action_payload" else value


_SIGNS = {"create": "+", "update": "~", "unchanged": "="}


def _print(told: dict[str, Any]) -> None:
    click.echo(f"{_SIGNS[told['does']]} {told['slug']}")
    for name, each in told["changes"].items():
        if told["does"] == "create":
            click.echo(f"    + {name}: {each['to']}")
        else:
            click.echo(f"    - {name}: {each['from']}\n    + {name}: {each['to']}")
    for name, each in told["kept"].items():
        click.echo(f"    ! {name}: {each['is']}, as {each['edited_by']} left it;", nl=False)
        click.echo(f" the file says {each['file']} (--force overwrites)")
    for name in ("id", "webhook_url", "secret"):
        if name in told:
            click.echo(f"      {name}: {told[name]}")
