"""`hookonce check`: check that the database is ready for the service."""

import json
import sys

import click

from app import health
from app.cli import output, terminal
from app.cli.context import WRONG, with_database
from app.db import Database, found_triggers, schema
from app.errors import DatabaseUnavailable
from app.settings import Settings


@click.command("check")
@output.json_option
@with_database
def command(settings: Settings, database: Database, as_json: bool) -> None:
    """Check that the database is ready; exit with 1 if it is not."""
    findings = health.findings(database)
    if all(finding.passed for finding in findings):
        needed = settings.hookonce_ready_needs_worker
        findings += [health.secrets_open(database), health.admission(database)]
        findings.append(health.workers_alive(database, needed=needed))
        findings += health.direct_url(database, settings)
    passed = all(finding.passed for finding in findings)
    notes = _notes(database, settings) if findings[0].passed else []
    if as_json:
        checks = {each.name: {"passed": each.passed, "detail": each.detail} for each in findings}
        click.echo(json.dumps({"passed": passed, "checks": checks, "notes": notes}))
    else:
        for finding in findings:
            result = "FAILED" if not finding.passed else "WARN  " if finding.warns else "ok    "
            click.echo(f"{result} {finding.name}: {finding.detail}")
        for note in notes:
            click.echo(f"note   {terminal.plain(note)}")
    sys.exit(0 if passed else WRONG)


def _notes(database: Database, settings: Settings) -> list[str]:
    """Return the notes; none if a lock keeps them from being read, which a check has reported."""
    try:
        return [*health.notes(database), *_of_found_triggers(database, settings)]
    except DatabaseUnavailable:
        return []


def _of_found_triggers(database: Database, settings: Settings) -> list[str]:
    """Return the problems of triggers of an older system.

    Without such triggers nothing is loaded for it: it needs every source and action.
    """
    with database.reading() as connection:
        is_ours = schema.current_revision(connection) is not None
        if is_ours and not found_triggers.last_id(connection):
            return []
        from app.triggers import adoption

        return [str(each) for each in adoption.problems(connection, settings)]
