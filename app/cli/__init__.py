"""The `hookonce` command: each subcommand reads its arguments, calls one function and prints.

No rule stands here; the API and the pages call the same functions. Each group of commands is a
module of its own and is registered here. The docstrings of the commands are the texts of `--help`.
"""

import click
from click.shell_completion import add_completion_class

from app.cli.completion import WholeWords
from app.cli.late import Late, LateGroup
from app.cli.unused_modules import deferred

COMMANDS = {
    "action": Late("action:group", "List the actions that a trigger can run."),
    "adopt": Late("adopt:command", "Name what a database of the older system lacks to work here."),
    "audit": Late("audit:group", "Read the record of changes by people, programs and files."),
    "backup": Late("backup:back_up", "Copy the SQLite database into FILE while the service runs."),
    "breaker": Late(
        "breaker:group", "List circuit breakers, probe a target now, or close its breaker."
    ),
    "check": Late("check:command", "Check that the database is ready; exit with 1 if it is not."),
    "dead": Late("dead:group", "List and replay dead letters: executions that failed for good."),
    "delivery": Late("delivery:group", "List and show deliveries that became no execution."),
    "doctor": Late("doctor:command", "Test a trigger with requests of every kind."),
    "execution": Late(
        "execution:group", "List and show executions: admitted events and their attempts."
    ),
    "held": Late("held:group", "Decide about the unfinished executions of an adopted database."),
    "listen": Late("listen:command", "Forward new executions of a trigger to a local address."),
    "migrate": Late("migrate:command", "Create or update the schema, from any directory."),
    "mismatch": Late("deliveries:group", "List key mismatches: a known key with another payload."),
    "move": Late("move:command", "Move everything from DATABASE_URL to another, empty database."),
    "notify": Late("notify:group", "Manage and test the channels of notifications."),
    "partition": Late(
        "partition:partition", "Spread executions over partitions of PostgreSQL, or undo it."
    ),
    "prune": Late("prune:command", "Remove payloads and rows whose retention has ended."),
    "replay": Late("replay:command", "Replay one dead letter: a new execution with the same key."),
    "restore": Late("backup:restore", "Put a copy of FILE in place of the SQLite database."),
    "secret": Late("secret:group", "Encrypt and decrypt the triggers' secrets in the database."),
    "serve": Late(
        "serve:command", "Receive webhooks with gunicorn, from any directory.", lasts=True
    ),
    "source": Late("source:group", "List the known sources (senders) and show the facts of one."),
    "stash": Late("stash:group", "List and drop what downgrades stashed."),
    "stats": Late("stats:command", "Count executions, deliveries and dead letters of some days."),
    "tail": Late("tail:command", "Print deliveries and attempts as they happen, until Ctrl-C."),
    "token": Late("token:group", "Manage the access tokens for the API and the pages."),
    "trigger": Late("trigger_group:group", "Create, change, test and remove triggers."),
    "triggers": Late("triggers:group", "Manage the triggers that a file declares."),
    "worker": Late(
        "worker:command", "Run executions when they are due, until SIGTERM or Ctrl-C.", lasts=True
    ),
    "workers": Late(
        "workers:command", "List the workers with their slots and last heartbeat, newest first."
    ),
}
add_completion_class(WholeWords)


@click.group(cls=LateGroup, late=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hookonce")
def main() -> None:
    """Receive webhooks, admit every event once, and run the action of its trigger."""
    with deferred():
        from app import settings

    for name in settings.unknown_names():
        click.echo(f"warning: {name} is set, but Hookonce has no such setting", err=True)
