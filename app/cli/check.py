"""`hookonce check`: is the database fit for duty?"""

import json
import sys

import click

from app import checkup
from app.cli import printing
from app.cli.reaching import WRONG, with_database
from app.db import Database
from app.settings import Settings


@click.command("check")
@printing.json_option
@with_database
def command(_chosen: Settings, database: Database, as_json: bool) -> None:
    """Say whether the database is fit for duty; exit status 1 if it is not."""
    findings = checkup.findings(database)
    if all(finding.passed for finding in findings):
        findings += [checkup.secrets_open(database), checkup.admission(database)]
    passed = all(finding.passed for finding in findings)
    notes = checkup.notes(database) if findings[0].passed else []
    if as_json:
        checks = {each.name: {"passed": each.passed, "detail": each.detail} for each in findings}
        click.echo(json.dumps({"passed": passed, "checks": checks, "notes": notes}))
    else:
        for finding in findings:
            click.echo(
                f"{'ok    ' if finding.passed else 'FAILED'} {finding.name}: {finding.detail}"
            )
        for note in notes:
            click.echo(f"note   {note}")
    sys.exit(0 if passed else WRONG)
