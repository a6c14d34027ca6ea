"""`hookonce triggers apply`: create and change triggers as a YAML file declares them."""

import json
import sys
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from app.cli import output, trigger_file, trigger_warnings
from app.cli.context import actor, with_database
from app.db import Database
from app.masking import masked
from app.settings import Settings
from app.triggers import apply_file
from app.triggers.address import webhook_url
from app.triggers.apply_file import SECRET, PlannedChange

KEPT = 3
"""Exit status when a person's edit was kept: file and database differ."""
PENDING = 4
"""Exit status of a dry run that found changes to make."""


@click.group("triggers")
def group() -> None:
    """Manage the triggers that a file declares."""


@group.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the changes without making them.")
@click.option("--force", is_flag=True, help="Also overwrite the edits of people.")
@output.json_option
@with_database
def apply(
    chosen: Settings, database: Database, file: Path, dry_run: bool, force: bool, as_json: bool
) -> None:
    """Create or change triggers to match the declarations in FILE.

    A trigger is identified by its name. Fields and triggers that the file does not name stay as
    they are, and so do fields that a person has edited since the file was last applied, unless
    --force is given. Exit status 0: file and database agree; 1: the file is wrong and nothing was
    changed; 3: a person's edit was kept; 4: a dry run found changes to make.
    """
    steps = apply_file.plan(database, trigger_file.read(file), force=force)
    grace = chosen.hookonce_secret_grace_seconds
    results = []
    for step in steps:
        row = None if dry_run else apply_file.carry_out(database, step, actor(), grace)
        if row is not None:
            trigger_warnings.warn(row)
        results.append(_result(database, chosen, step, row))
        if not as_json:
            _print(results[-1])
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "triggers": results}))
    sys.exit(_status(steps, dry_run))


def _status(steps: list[PlannedChange], dry_run: bool) -> int:
    if any(step.kept for step in steps):
        return KEPT
    pending = dry_run and any(step.kind != "unchanged" for step in steps)
    return PENDING if pending else 0


def _result(
    database: Database, chosen: Settings, step: PlannedChange, row: sa.Row[Any] | None
) -> dict[str, Any]:
    """Return the change as it is printed; the only secret in it is a new random one."""
    columns = step.declared.columns
    result: dict[str, Any] = {
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
        result["id"] = row.id
        result["webhook_url"] = webhook_url(chosen.hookonce_public_url, row.id)
        if step.declared.secret is None:
            result["secret"] = database.secret_box.decrypt(row)
    return result


def _new(step: PlannedChange) -> list[str]:
    return list(step.declared.columns) if step.row is None else []


def _shown(name: str, value: Any) -> Any:
    if name == SECRET:
        return "(not shown)"
    return masked(value) if name == "action_payload" else value


_SIGNS = {"create": "+", "update": "~", "unchanged": "="}


def _print(result: dict[str, Any]) -> None:
    click.echo(f"{_SIGNS[result['does']]} {result['slug']}")
    for name, each in result["changes"].items():
        if result["does"] == "create":
            click.echo(f"    + {name}: {each['to']}")
        else:
            click.echo(f"    - {name}: {each['from']}\n    + {name}: {each['to']}")
    for name, each in result["kept"].items():
        click.echo(f"    ! {name}: {each['is']}, edited by {each['edited_by']};", nl=False)
        click.echo(f" the file has {each['file']} (--force overwrites)")
    for name in ("id", "webhook_url", "secret"):
        if name in result:
            click.echo(f"      {name}: {result[name]}")
