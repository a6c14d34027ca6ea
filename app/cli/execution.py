"""`hookonce execution`: what was admitted, and what became of it."""

import json
import sys
from typing import Any

import click

from app import clock, lifecycle, masking
from app.cli import output
from app.cli.context import with_database
from app.cli.time_param import TimeParam
from app.db import Database
from app.db.count_cache import CountCache
from app.db.paging import PagePosition
from app.errors import NotFound
from app.executions import history, search
from app.executions.dead_letters import UNKNOWN
from app.executions.search import ExecutionFilter
from app.intake import trigger_cache
from app.settings import Settings
from app.stats import deliveries
from app.triggers import manage

_LISTED = (
    "id",
    "trigger_id",
    "status",
    "idempotency_key",
    "received_at",
    "attempt_count",
    "error_reason",
    "error",
)
_ATTEMPT = (
    *("number", "worker", "started_at", "finished_at", "duration_seconds", "outcome"),
    *("http_status", "error"),
)
_LINK = ("id", "status", "replay_of_id", "received_at", "completed_at")
_MISMATCH = ("digest", "number", "first_at", "last_at")


@click.group("execution")
def group() -> None:
    """Admitted events, and the attempts at them."""


@group.command("list")
@click.argument("trigger", required=False)
@click.option("--status", type=click.Choice(lifecycle.STATUSES))
@click.option("--category", type=click.Choice([lifecycle.TRANSIENT, lifecycle.PERMANENT]))
@click.option("--reason", type=click.Choice([*lifecycle.REASONS, UNKNOWN]), help="Failed of it.")
@click.option("--key", help="With this idempotency key.")
@click.option(
    "--since", type=TimeParam(), help="Received then or later: 2h, 3d, or ISO 8601 (UTC)."
)
@click.option("--until", type=TimeParam(), help="Received before.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--before", type=click.IntRange(1), help="Older than the execution of this id.")
@output.json_option
@with_database
def list_executions(
    _chosen: Settings,
    database: Database,
    *,
    trigger: str | None,
    limit: int,
    before: int | None,
    as_json: bool,
    **such: Any,
) -> None:
    """Executions, newest first, of one TRIGGER (id, slug or name) or of all."""
    where = PagePosition(per_page=limit, before_id=before)
    with database.reading() as connection:
        trigger_id = None if trigger is None else manage.find_trigger(connection, trigger).id
        page = search.page(connection, CountCache(), ExecutionFilter(trigger_id, **such), where)
    output.page([masking.public(row) for row in page.rows], _LISTED, page, as_json)


@group.command("show")
@click.argument("execution_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@output.json_option
@with_database
def show(_chosen: Settings, database: Database, execution_id: int, as_json: bool) -> None:
    """One execution with its attempts, its replays, and what came again under its key."""
    with database.reading() as connection:
        row, trigger = history.execution(connection, execution_id)
        first_id = row.chain_id or row.id
        repeats = deliveries.repeats_of(connection, first_id)
        found = {
            "attempts": history.attempts_of(connection, execution_id),
            "chain": history.chain_of(connection, row),
            "mismatches": deliveries.mismatches_of(connection, first_id),
        }
    shown = masking.public(row) | {"trigger_slug": trigger.slug}
    shown["repeats"] = 0 if repeats is None else int(repeats.number)
    shown["repeated_at"] = None if repeats is None else clock.text(repeats.last_at)
    places = trigger_cache.key_parts(trigger.idempotency_key_from)
    shown |= {"key_from": " and ".join(places) or None, "first_execution_id": first_id}
    listed = {name: [masking.public(each) for each in rows] for name, rows in found.items()}
    if as_json:
        click.echo(json.dumps(shown | listed))
        return
    output.record(shown, as_json=False)
    _section("attempts", listed["attempts"], _ATTEMPT)
    if len(listed["chain"]) > 1:
        _section("replays", listed["chain"], _LINK)
    _section("other payloads under its key", listed["mismatches"], _MISMATCH)


@group.command("request")
@click.argument("execution_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@output.json_option
@with_database
def request(_chosen: Settings, database: Database, execution_id: int, as_json: bool) -> None:
    """The bytes of the request as they came; with --json its headers and how many bytes it has.

    A terminal is shown what it would obey; a file and a pipe get every byte.
    """
    with database.reading() as connection:
        found = search.request_of(connection, execution_id)
        body = b"" if as_json else search.body_of(connection, execution_id) or b""
    if found is None:
        raise NotFound(f"the request of execution {execution_id} is not kept")
    if as_json:
        headers = json.loads(found.headers)
        kept = {"content_type": found.content_type, "headers": headers, "bytes": found.size}
        click.echo(json.dumps(kept))
        return
    shown = output.plain(body.decode("utf-8", "backslashreplace")) if _watched() else body
    click.echo(shown, nl=_watched())


def _watched() -> bool:
    return sys.stdout.isatty()


def _section(heading: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        click.echo(f"\n{heading}")
        output.table(rows, columns)
