"""The `hookonce` command: each reads its arguments, calls one function, prints."""

import json
import signal
import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
import urllib3
from sqlalchemy.exc import DataError

from app import checkup, cli_action, log, operate, queries, revision, settings
from app.db import Database
from app.errors import HookonceError, SchemaMoved
from app.intake import key, sources
from app.intake.firing import signed_headers
from app.settings import Settings
from app.worker.loop import Worker

WRONG = 1
"""The exit status for everything that Hookonce can put into words."""


def with_database(command: Callable[..., None]) -> Callable[..., None]:
    """Hand the command the settings and the database; say in one sentence what went wrong."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            chosen = settings.from_environment()
            log.configure(chosen.hookonce_log_level)
            database = Database(chosen)
            try:
                command(chosen, database, *args, **kwargs)
            finally:
                database.dispose()
        except SchemaMoved as error:
            raise click.ClickException(
                "the database is not as this code needs it; `hookonce check` says what to do"
            ) from error
        except DataError as error:
            reason = " ".join(str(error.orig).split())
            raise click.ClickException(f"the database does not take that: {reason}") from error
        except HookonceError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hookonce")
def main() -> None:
    """Receive webhooks, admit every event once, and run what is to be done about it."""
    for name in settings.unknown_names():
        click.echo(f"warning: {name} is set, but there is no such setting", err=True)


main.add_command(cli_action.action)


@main.command()
@click.option("--once", is_flag=True, help="Work off what is due now, then end.")
@click.option("--concurrency", default=4, show_default=True, type=click.IntRange(1, 64))
@with_database
def worker(chosen: Settings, database: Database, once: bool, concurrency: int) -> None:
    """Run executions as they come due, until told to stop."""
    revision.require(database)
    working = Worker(database, chosen, concurrency)
    if once:
        click.echo(f"{working.run_once()} attempt(s) made")
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not working.run(stop):
        log.abandon("actions were still running when the grace period ended")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def check(_chosen: Settings, database: Database, as_json: bool) -> None:
    """Say whether the database is fit for duty; exit status 1 if it is not."""
    findings = checkup.findings(database)
    if all(finding.passed for finding in findings):
        findings.append(checkup.admission(database))
    passed = all(finding.passed for finding in findings)
    notes = checkup.notes(database) if passed else []
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


@main.group()
def trigger() -> None:
    """Webhook URLs and what they set off."""


@trigger.command("add")
@click.argument("name")
@click.option("--source", default="custom", show_default=True, help="Who sends.")
@click.option("--action", default="script", show_default=True, help="See `action list`.")
@click.option("--payload", required=True, help="What the action runs or calls; docs/actions.md.")
@click.option("--filter", "event_filter", default="{}", help='Such as {"action": "opened"}.')
@click.option("--secret", help="What the sender signs with; one is made up if not given.")
@click.option("--key-from", multiple=True, help="provider, hash, header:X, body:a.b or none.")
@click.option("--missing-key", type=click.Choice(["accept", "refuse"]), default="accept")
@click.option("--tolerance", type=click.FloatRange(0), help="Seconds a signature stays good.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def add(
    chosen: Settings,
    database: Database,
    name: str,
    source: str,
    action: str,
    payload: str,
    event_filter: str,
    secret: str | None,
    key_from: tuple[str, ...],
    missing_key: str,
    tolerance: float | None,
    as_json: bool,
) -> None:
    """Make a trigger; print its id, secret and webhook URL.

    The idempotency key is the first of idempotency_key, messageId and data.messageId; --key-from
    chooses other places, and given several times makes one key of their values.
    """
    key.require_valid(key_from)
    described = operate.NewTrigger(
        name, source, action, payload, event_filter, secret, key_from, missing_key, tolerance
    )
    row = operate.add_trigger(database, described, sources.names())
    made = {"id": row.id, "secret": row.secret, "webhook_url": _webhook_url(chosen, row.id)}
    _print(made, as_json)


@trigger.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def list_triggers(_chosen: Settings, database: Database, as_json: bool) -> None:
    """Every trigger, newest first."""
    with database.reading() as connection:
        rows = [queries.public(row) for row in queries.all_triggers(connection)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    shown = ("id", "slug", "source", "action_type", "enabled", "execution_count")
    _print_table(rows, shown)


@trigger.command("show")
@click.argument("trigger")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def show(chosen: Settings, database: Database, trigger: str, as_json: bool) -> None:
    """One trigger, by id, slug or name, and its newest executions."""
    with database.reading() as connection:
        row = operate.find_trigger(connection, trigger)
        executions = queries.executions_of(connection, row.id, 20)
        count = queries.execution_count(connection, row.id)
    shown = queries.public(row) | {"execution_count": count}
    shown |= {"webhook_url": _webhook_url(chosen, row.id)}
    listed = [queries.public(execution) for execution in executions]
    if as_json:
        click.echo(json.dumps(shown | {"executions": listed}))
        return
    _print(shown, as_json=False)
    click.echo()
    _print_table(
        listed, ("id", "status", "idempotency_key", "attempt_count", "result_summary", "error")
    )


@trigger.command("rotate")
@click.argument("trigger")
@click.option("--grace", default=86400.0, show_default=True, help="Seconds the old one stays good.")
@click.option("--secret", help="The new secret; one is made up if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def rotate(
    _chosen: Settings,
    database: Database,
    trigger: str,
    grace: float,
    secret: str | None,
    as_json: bool,
) -> None:
    """Give the trigger a new secret and print it; the old one stays good for a while."""
    row = operate.rotate_secret(database, trigger, max(0.0, grace), secret)
    until = queries.public(row)["previous_secret_expires_at"]
    _print({"id": row.id, "secret": row.secret, "old_secret_good_until": until}, as_json)


@trigger.command("enable")
@click.argument("trigger")
@with_database
def enable(_chosen: Settings, database: Database, trigger: str) -> None:
    """Let the trigger receive again."""
    click.echo(f"{operate.set_enabled(database, trigger, True).slug} is enabled")


@trigger.command("disable")
@click.argument("trigger")
@with_database
def disable(_chosen: Settings, database: Database, trigger: str) -> None:
    """Refuse what comes for the trigger; what was admitted still runs."""
    click.echo(f"{operate.set_enabled(database, trigger, False).slug} is disabled")


@trigger.command("remove")
@click.argument("trigger")
@click.confirmation_option(prompt="Remove the trigger and all its executions?")
@with_database
def remove(_chosen: Settings, database: Database, trigger: str) -> None:
    """Delete the trigger and all its executions."""
    click.echo(f"{operate.remove_trigger(database, trigger).slug} is gone")


@trigger.command("fire")
@click.argument("trigger")
@click.option("--data", default='{"hello": "world"}', show_default=True, help="The body.")
@with_database
def fire(chosen: Settings, database: Database, trigger: str, data: str) -> None:
    """Send a webhook to the trigger, signed as its source signs, and print the answer."""
    with database.reading() as connection:
        row = operate.find_trigger(connection, trigger)
    body = data.encode()
    headers = {"Content-Type": "application/json"} | signed_headers(row.source, row.secret, body)
    try:
        answer = urllib3.request(
            "POST", _webhook_url(chosen, row.id), body=body, headers=headers, retries=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(f"nobody answers: {error}; is `gunicorn` running?") from error
    click.echo(f"{answer.status} {answer.data.decode('utf-8', 'replace')}")


@main.group()
def source() -> None:
    """The senders that Hookonce knows."""


@source.command("list")
def list_sources() -> None:
    """Every source, with where its own id of an event stands."""
    rows = [
        {
            "name": name,
            "its own id": facts.provider_key or "none",
            "signed": "yes" if facts.provider_key_signed else "no",
            "key by default": "its own id" if sources.named(name).keyed_by_default else "-",
        }
        for name in sources.names()
        for facts in [sources.named(name).facts]
    ]
    _print_table(rows, ("name", "its own id", "signed", "key by default"))


@source.command("show")
@click.argument("name", type=click.Choice(sources.names()), metavar="NAME")
def show_source(name: str) -> None:
    """How a source is verified, keyed and answered, and where its documentation stands."""
    shown = sources.named(name)
    tolerance = shown.tolerance_seconds
    facts = {
        "source": name,
        "signature": shown.facts.signature,
        "timestamp": "no limit" if tolerance is None else f"within {tolerance:g} s",
        "its own id": shown.facts.provider_key or "none",
        "id is signed": "yes" if shown.facts.provider_key_signed else "no",
        "key by default": "its own id" if shown.keyed_by_default else "the default places only",
        "answer expected": shown.facts.answer,
        "its retries": shown.facts.retries,
        "never stored": ", ".join(sorted(shown.redacted)) or "-",
        "not verified": shown.facts.unverified or "-",
        "documentation": shown.facts.documentation,
    }
    _print(facts, as_json=False)


@main.group()
def held() -> None:
    """Executions that a found database left unfinished: they wait for a person."""


@held.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_database
def list_held(_chosen: Settings, database: Database, as_json: bool) -> None:
    """What is held back, by trigger and status."""
    with database.reading() as connection:
        rows = [queries.public(row) for row in queries.held_by_trigger(connection)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    _print_table(rows, ("slug", "status", "executions", "oldest_id", "newest_id"))


@held.command("release")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_database
def release(_chosen: Settings, database: Database, yes: bool) -> None:
    """Make them due: workers start them at once."""
    _decide(database, "become due", operate.release_held, yes)


@held.command("give-up")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_database
def give_up(_chosen: Settings, database: Database, yes: bool) -> None:
    """Make them dead letters."""
    _decide(database, "become dead letters", operate.give_up_held, yes)


def _decide(database: Database, what: str, decision: Callable[[Database], int], yes: bool) -> None:
    with database.reading() as connection:
        count = sum(row.executions for row in queries.held_by_trigger(connection))
    if not yes:
        click.confirm(f"{count} held execution(s) will {what}. Go on?", abort=True)
    click.echo(f"{decision(database)} execution(s) {what}")


def _webhook_url(chosen: Settings, trigger_id: int) -> str:
    return f"{chosen.hookonce_public_url}/api/triggers/webhook/{trigger_id}"


def _print(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(values))
        return
    width = max(len(name) for name in values)
    for name, value in values.items():
        click.echo(f"{name.ljust(width)}  {'' if value is None else value}")


def _print_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in [list(columns), *cells]:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"
