"""`hookonce trigger send`: send a signed webhook to a trigger, or repeat an event as a test."""

import sys

import click
import urllib3

from app.cli import completion, output
from app.cli.context import WRONG, actor, with_database
from app.cli.number_param import POSITIVE
from app.db import Database
from app.intake.signing import signed_headers
from app.settings import Settings
from app.triggers import lookup, repeat
from app.triggers.address import webhook_url

FIRE_SECONDS = 30.0
"""Seconds to wait for the response: as long as the most patient senders wait."""


@click.command("send")
@click.argument("trigger", shell_complete=completion.triggers)
@click.option(
    "--data", default='{"hello": "world"}', show_default=True, help="The body of the request."
)
@click.option(
    "--like",
    type=POSITIVE,
    metavar="EXECUTION",
    help="Repeat the event of this execution as a test event.",
)
@output.json_option
@with_database
def fire(
    chosen: Settings, database: Database, trigger: str, data: str, like: int | None, as_json: bool
) -> None:
    """Send a signed webhook to the trigger and print the response.

    It is signed as the trigger's source signs. The exit status is 1 unless it was acknowledged.
    With --like no webhook is sent: a copy of that event is stored as a test event, without a key,
    and a worker runs the action.
    """
    if like is not None:
        execution_id = repeat.as_test(database, trigger, like, actor())
        output.record({"status": "started", "execution_id": execution_id}, as_json)
        return
    with database.reading() as connection:
        row = lookup.find_trigger(connection, trigger)
    body = data.encode()
    secret = database.secret_box.decrypt(row)
    url = webhook_url(chosen.hookonce_public_url, row.id)
    proof = signed_headers(row.source, secret, body, description=row.verification, url=url)
    headers = {"Content-Type": "application/json"} | proof
    try:
        response = urllib3.request(
            "POST",
            url,
            body=body,
            headers=headers,
            retries=False,
            timeout=FIRE_SECONDS,
        )
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(f"no response: {error}; is `gunicorn` running?") from error
    text = response.data.decode("utf-8", "replace")
    result = {"status": response.status, "body": text}
    output.done(f"{response.status} {text}", result, as_json)
    if not 200 <= response.status < 300:
        sys.exit(WRONG)
