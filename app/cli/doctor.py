"""`hookonce doctor`: test that a trigger admits what it should, once, and nothing else."""

import json
import signal
import sys
from dataclasses import asdict
from typing import Any, Never

import click
import urllib3

from app.cli import completion, doctor_checks, doctor_trigger, output, terminal
from app.cli.context import WRONG, actor, with_database
from app.db import Database
from app.settings import Settings
from app.triggers import lookup
from app.triggers.address import webhook_url

_RESULTS = {True: "ok", False: "FAILED", None: "-"}


@click.command("doctor")
@click.option(
    "--trigger",
    required=True,
    shell_complete=completion.triggers,
    help="The trigger to test (id, slug or name).",
)
@click.option("--url", help="The address of the service, by default HOOKONCE_PUBLIC_URL.")
@terminal.wide_option
@output.json_option
@with_database
def command(
    settings: Settings, database: Database, trigger: str, url: str | None, as_json: bool
) -> None:
    """Test a trigger with requests of every kind.

    The command prints what came back and what was expected. The requests go to a twin of the
    trigger: another trigger with the same source, secret and key, whose action does nothing, and
    which is removed at the end. The exit status is 1 if any check failed.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    with database.reading() as connection:
        row = lookup.find_trigger(connection, trigger)
    base = url or settings.hookonce_public_url
    with doctor_trigger.twin_of(database, row, actor()) as twin:
        target = webhook_url(base, twin.id)
        examination = doctor_checks.Examination(database, settings, twin, target)
        try:
            findings = list(examination.findings())
        except urllib3.exceptions.HTTPError as error:
            raise click.ClickException(
                f"the service does not answer: {error}; is `gunicorn` running?"
            ) from error
    passed = all(finding.passed is not False for finding in findings)
    if as_json:
        results = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"trigger_id": row.id, "passed": passed, "findings": results}))
    else:
        output.table([_line(finding) for finding in findings], _COLUMNS)
    sys.exit(0 if passed else WRONG)


_COLUMNS = ("check", "result", "came back", "expected")


def _line(finding: doctor_checks.CheckResult) -> dict[str, Any]:
    cells = (finding.check, _RESULTS[finding.passed], finding.came_back, finding.expected)
    return dict(zip(_COLUMNS, cells, strict=True))


def _interrupt(*_: object) -> Never:
    """End as Ctrl-C does, so that the twin is removed on the way out."""
    raise KeyboardInterrupt
