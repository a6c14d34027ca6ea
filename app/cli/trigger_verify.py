"""`hookonce trigger verify`: try a trigger's verification with a captured request."""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import click

from app import clock
from app.cli import captured_request, completion, output, terminal
from app.cli.context import WRONG, with_database
from app.cli.time_param import TimeParam
from app.db import Database
from app.db.schema import SchemaWatch
from app.errors import InvalidTrigger, Unverified
from app.intake import signatures, sources, verify
from app.intake.message import Request, WebhookTrigger
from app.intake.trigger_cache import TriggerCache
from app.settings import Settings
from app.triggers import lookup
from app.triggers.address import webhook_url

LARGEST_FILE = 32 * 1_048_576


@click.command("verify")
@click.argument("trigger", shell_complete=completion.triggers)
@click.option(
    "--request",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the request: request line, headers, an empty line, the body.",
)
@click.option(
    "--at", type=TimeParam(), help="Time at which the request arrived. Default: the present time."
)
@click.option("--url", help="URL that the sender called. Default: the trigger's webhook URL.")
@click.option("--address", default="", help="IP address of the sender, if the trigger needs it.")
@output.json_option
@with_database
def command(
    settings: Settings, database: Database, trigger: str, file: Path, as_json: bool, **given: object
) -> None:
    """Verify a captured request and print what was compared.

    It is verified as the service would verify it. Nothing is stored, and the secret is not
    printed. The exit status is 1 if the request is refused.
    """
    with database.reading() as connection:
        row = lookup.find_trigger(connection, trigger)
    last_found_id = SchemaWatch(database).last_found_trigger_id
    found = TriggerCache(database, last_found_id=last_found_id).find(str(row.id))
    if found is None:
        raise InvalidTrigger(f"{row.slug} receives no webhooks: its type is {row.type}")
    if file.stat().st_size > LARGEST_FILE:
        raise InvalidTrigger(f"the file has more than {LARGEST_FILE:,} bytes")
    captured = captured_request.parse(file.read_bytes())
    url = str(given["url"] or _url(settings, row.id, captured))
    request = _request(row.id, captured, url, str(given["address"]))
    moment = given["at"] if isinstance(given["at"], datetime) else clock.now()
    refusal = _refusal(found, request, moment)
    steps = [*filter(None, [captured.note]), *_steps(found, request, moment, refusal)]
    _print(row.slug, refusal, steps, as_json)
    sys.exit(WRONG if refusal else 0)


def _print(slug: str, refusal: str, steps: list[str], as_json: bool) -> None:
    if as_json:
        values = {"trigger": slug, "verified": not refusal, "reason": refusal, "steps": steps}
        output.record(values, as_json=True)
        return
    for step in steps:
        click.echo(f"  {terminal.plain(step)}")
    click.echo(f"{slug}: refused ({refusal})" if refusal else f"{slug}: verified")


def _url(settings: Settings, trigger_id: int, captured: captured_request.CapturedRequest) -> str:
    """Return the URL as the service sees it: its own address, and the query that was sent."""
    query = urlsplit(captured.target).query
    url = webhook_url(settings.hookonce_public_url, trigger_id)
    return f"{url}?{query}" if query else url


def _request(
    trigger_id: int, captured: captured_request.CapturedRequest, url: str, address: str
) -> Request:
    parts = urlsplit(captured.target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    segments = parts.path.rstrip("/").split(f"/webhook/{trigger_id}/")
    return Request(
        trigger_id=str(trigger_id),
        headers=captured.headers,
        body=captured.body,
        presented_secret=segments[1] if len(segments) == 2 else None,
        url=url,
        query=query,
        address=address,
    )


def _refusal(trigger: WebhookTrigger, request: Request, moment: datetime) -> str:
    """Return the reason for which the service would refuse the request; empty if it would not."""
    try:
        verify.check(replace(trigger, enabled=True), request, moment)
    except Unverified as refused:
        return refused.reason
    return ""


def _steps(trigger: WebhookTrigger, request: Request, moment: datetime, refusal: str) -> list[str]:
    """Return sentences on what was compared; the secret is in none of them."""
    source = sources.named(trigger.source)
    verifier = trigger.verifier or source.verifier
    if verifier is None:
        steps = [f"source {source.name}: {source.facts.signature}"]
    else:
        steps = verifier.explain(request, trigger.secret)
    if refusal == signatures.STALE:
        steps.append(f"the time is outside the tolerance at {clock.text(moment)} (see --at)")
    if verify.previous_secret_is_valid(trigger, moment):
        steps.append("the previous secret was tried too; the lines above are about the current one")
    return steps
