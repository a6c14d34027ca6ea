"""`hookonce execution run-again|cancel|retry-now|forget-key`: decide about one execution."""

from collections.abc import Callable
from pathlib import Path

import click

from app.audit import Actor
from app.cli import output
from app.cli.context import actor, with_database
from app.cli.number_param import POSITIVE
from app.db import Database
from app.executions import decisions
from app.executions.origins import EditedPayload
from app.executions.replay import run_again as run
from app.settings import Settings

execution_id_argument = click.argument("execution_id", type=POSITIVE, metavar="ID")
payload_option = click.option(
    "--payload",
    "payload_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the changed payload. The original is kept beside it.",
)


def edited(database: Database, execution_id: int, file: Path | None) -> EditedPayload | None:
    """Return the payload that the file holds; None without a file."""
    if file is None:
        return None
    from app.intake import edit  # it knows all sources, which are slow to load

    if file.stat().st_size > 4 * edit.LONGEST_TEXT:
        raise click.ClickException(f"{file} is too large to be a payload")
    try:
        return edit.edited(database, execution_id, file.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is no text in UTF-8") from error


@click.command("run-again")
@execution_id_argument
@click.option(
    "--own-key",
    is_flag=True,
    help="Send the target a new Idempotency-Key, so that it acts again.",
)
@payload_option
@output.yes_option
@output.json_option
@with_database
def run_again(
    _settings: Settings,
    database: Database,
    execution_id: int,
    *,
    own_key: bool,
    payload_file: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Run a completed execution again, once.

    The new execution points at the old one. By default the target receives the old
    Idempotency-Key, and a careful one does nothing.
    """
    changed = edited(database, execution_id, payload_file)
    _confirm(yes, as_json, f"Run execution {execution_id} again?")
    new = run(database, execution_id, actor(), own_key=own_key, edited=changed)
    sentence = f"Execution {execution_id} runs again as execution {new}."
    output.done(sentence, {"status": "ok", "new_execution_id": new}, as_json)


@click.command("cancel")
@execution_id_argument
@output.yes_option
@output.json_option
@with_database
def cancel(
    _settings: Settings, database: Database, execution_id: int, yes: bool, as_json: bool
) -> None:
    """End a waiting execution: it does not run.

    It is `failed` with the reason `cancelled`. A replay by its id runs it after all; a bulk replay
    leaves it out unless it asks for that reason.
    """
    _confirm(yes, as_json, f"Cancel execution {execution_id}?")
    _decide(database, execution_id, decisions.cancel, "is cancelled", as_json)


@click.command("retry-now")
@execution_id_argument
@output.json_option
@with_database
def retry_now(_settings: Settings, database: Database, execution_id: int, as_json: bool) -> None:
    """Make a waiting execution due now.

    An open circuit breaker or a pause still holds it back.
    """
    _decide(database, execution_id, decisions.retry_now, "is due now", as_json)


@click.command("forget-key")
@execution_id_argument
@output.yes_option
@output.json_option
@with_database
def forget_key(
    _settings: Settings, database: Database, execution_id: int, yes: bool, as_json: bool
) -> None:
    """Release the key of a finished execution.

    The next event with this key is admitted as a new execution, and its action runs.
    """
    _confirm(yes, as_json, f"Forget the key of execution {execution_id}?")
    key = decisions.forget_key(database, execution_id, actor())
    sentence = f"Execution {execution_id} has no key any more; it was {key}"
    output.done(sentence, {"status": "ok", "idempotency_key": key}, as_json)


def _confirm(yes: bool, as_json: bool, question: str) -> None:
    if not yes:
        click.confirm(question, abort=True, err=as_json)


def _decide(
    database: Database,
    execution_id: int,
    decision: Callable[[Database, int, Actor], None],
    outcome: str,
    as_json: bool,
) -> None:
    decision(database, execution_id, actor())
    output.done(f"Execution {execution_id} {outcome}.", {"status": "ok"}, as_json)


COMMANDS = (run_again, cancel, retry_now, forget_key)
