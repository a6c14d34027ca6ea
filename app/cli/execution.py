"""`hookonce execution`: list executions, show one, print its original request."""

import json
import sys
from typing import Any

import click

from app import clock, masking
from app.cli import attempt_exchange, decisions, output, persons, terminal
from app.cli.context import with_database
from app.cli.execution_export import export
from app.cli.execution_filters import filter_options
from app.cli.number_param import POSITIVE
from app.db import Database
from app.db.count_cache import CountCache
from app.db.paging import PagePosition
from app.errors import existing
from app.executions import attempts, by_persons, history, search, waiting
from app.executions.search import ExecutionFilter
from app.executions.waiting import Because
from app.intake import key
from app.settings import Settings
from app.stats import deliveries

_LISTED = (
    "id",
    "trigger_id",
    "status",
    "idempotency_key",
    "received_at",
    "attempt_count",
    "waiting",
    "edited",
    "error_reason",
    "error",
)
_ATTEMPT_COLUMNS = (
    *("number", "worker", "started_at", "finished_at", "duration_seconds", "outcome"),
    *("http_status", "error"),
)
_CHAIN_COLUMNS = ("id", "status", "replay_of_id", "received_at", "completed_at")
_MISMATCH_COLUMNS = ("digest", "number", "first_at", "last_at")


@click.group("execution")
def group() -> None:
    """List and show executions: admitted events and their attempts."""


@group.command("list")
@click.argument("argument", required=False, metavar="")
@output.limit_option
@output.before_option
@terminal.wide_option
@output.json_option
@with_database
@filter_options
def list_executions(
    settings: Settings,
    database: Database,
    filters: ExecutionFilter,
    *,
    limit: int,
    before: int | None,
    as_json: bool,
) -> None:
    """List executions, newest first.

    With filters that no index covers a page scans some 5,000 executions, and says where to
    continue.
    """
    position = PagePosition(per_page=limit, before_id=before)
    with database.reading() as connection:
        page = search.page(connection, CountCache(), filters, position)
        reasons = waiting.because(connection, page.rows, breakers=_breakers(settings))
    rows = [masking.public(row) | _waiting(reasons.get(row.id), as_json) for row in page.rows]
    if not as_json:
        rows = list(map(persons.mark, rows))
    output.page(rows, _LISTED, page, as_json)


@group.command("show")
@click.argument("execution_id", type=POSITIVE, metavar="ID")
@terminal.wide_option
@output.json_option
@with_database
def show(settings: Settings, database: Database, execution_id: int, as_json: bool) -> None:
    """Show an execution with its attempts, replays and duplicates."""
    with database.reading() as connection:
        row, trigger = history.execution(connection, execution_id)
        first_id = row.chain_id or row.id
        repeats = deliveries.repeats_of(connection, first_id)
        related = {
            "chain": history.chain_of(connection, row),
            "mismatches": deliveries.mismatches_of(connection, first_id),
        }
        attempt_rows = attempts.of_execution(connection, row)
        reasons = waiting.because(connection, [row], breakers=_breakers(settings))
        decisions_made = by_persons.shown(connection, execution_id)
    shown = masking.public(row) | {"trigger_slug": trigger.slug}
    because = reasons.get(execution_id)
    detail = None if because is None else "\nalso: ".join(_reasons(because))
    shown |= _waiting(because, as_json) if as_json else {"waiting_because": detail}
    shown["repeats"] = 0 if repeats is None else int(repeats.number)
    shown["repeated_at"] = None if repeats is None else clock.text(repeats.last_at)
    key_parts = key.parts(trigger.idempotency_key_from)
    shown |= {"key_from": " and ".join(key_parts) or None, "first_execution_id": first_id}
    listed = {name: [masking.public(each) for each in rows] for name, rows in related.items()}
    listed["attempts"] = attempt_rows
    if as_json:
        click.echo(json.dumps(shown | listed | decisions_made))
        return
    output.record(shown | persons.fields(decisions_made), as_json=False)
    _section("attempts", attempt_rows, _ATTEMPT_COLUMNS)
    attempt_exchange.show(attempt_rows)
    if len(listed["chain"]) > 1:
        _section("replays", listed["chain"], _CHAIN_COLUMNS)
    _section(
        "mismatches: other payloads with the same key", listed["mismatches"], _MISMATCH_COLUMNS
    )


@group.command("request")
@click.argument("execution_id", type=POSITIVE, metavar="ID")
@output.json_option
@with_database
def request(_settings: Settings, database: Database, execution_id: int, as_json: bool) -> None:
    """Print the original request of an execution.

    By default the body, byte for byte; a terminal gets control characters escaped. With --json
    the headers, the content type and the number of bytes.
    """
    with database.reading() as connection:
        stored = search.request_of(connection, execution_id)
        body = b"" if as_json else search.body_of(connection, execution_id) or b""
    kept = existing(stored, f"the request of execution {execution_id} is not kept")
    if as_json:
        headers = masking.shown_headers(kept.headers)
        shown = {"content_type": kept.content_type, "headers": headers, "bytes": kept.size}
        click.echo(json.dumps(shown))
        return
    on_terminal = _is_terminal()
    text = terminal.plain(body.decode("utf-8", "backslashreplace")) if on_terminal else body
    click.echo(text, nl=on_terminal)


for _command in decisions.COMMANDS:
    group.add_command(_command)


def _breakers(settings: Settings) -> bool:
    return bool(settings.hookonce_breaker_failures)


def _reasons(because: Because) -> list[str]:
    return [because.detail, *(each.detail for each in because.also)]


def _waiting(because: Because | None, as_json: bool) -> dict[str, Any]:
    """Return the reason for which an execution has not finished: all of it, or its code."""
    if as_json:
        return {"waiting_because": None if because is None else because.values()}
    return {"waiting": None if because is None else because.code}


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _section(heading: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        click.echo(f"\n{heading}")
        output.table(rows, columns)


group.add_command(export)
