"""`hookonce doctor`: does a trigger take what it should, once, and nothing else?"""

import json
import signal
import sys
from dataclasses import asdict
from typing import Any, Never

import click
import urllib3

from app.cli import doctor_checks, doctor_trigger, output
from app.cli.context import WRONG, actor, with_database
from app.db import Database
from app.settings import Settings
from app.triggers import manage
from app.triggers.address import webhook_url

_WORDS = {True: "ok", False: "FAILED", None: "-"}


@click.command("doctor")
@click.option("--trigger", required=True, help="Which: id, slug or name.")
@click.option("--url", help="Where the service answers; HOOKONCE_PUBLIC_URL if not given.")
@output.json_option
@with_database
def command(
    chosen: Settings, database: Database, trigger: str, url: str | None, as_json: bool
) -> None:
    """Send the trigger every kind of request, and say what came back and what should have.

    They go to a twin of the trigger, with its source, secret and key, which does nothing about
    what it receives and is removed in the end. Exit status 1 if anything was not as it should be.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    with database.reading() as connection:
        row = manage.find_trigger(connection, trigger)
    base = url or chosen.hookonce_public_url
    with doctor_trigger.of(database, row, actor()) as standing_in:
        target = webhook_url(base, standing_in.id)
        examination = doctor_checks.Examination(database, chosen, standing_in, target)
        try:
            findings = list(examination.findings())
        except urllib3.exceptions.HTTPError as error:
            raise click.ClickException(
                f"nobody answers: {error}; is `gunicorn` running?"
            ) from error
    passed = all(finding.passed is not False for finding in findings)
    if as_json:
        shown = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"trigger_id": row.id, "passed": passed, "findings": shown}))
    else:
        output.table([_line(finding) for finding in findings], _COLUMNS)
    sys.exit(0 if passed else WRONG)


_COLUMNS = ("check", "result", "came back", "expected")


def _line(finding: doctor_checks.CheckResult) -> dict[str, Any]:
    cells = (finding.check, _WORDS[finding.passed], finding.came_back, finding.expected)
    return dict(zip(_COLUMNS, cells, strict=True))


def _interrupt(*_: object) -> Never:
    """As Ctrl-C does: what was made is removed on the way out."""
    raise KeyboardInterrupt
